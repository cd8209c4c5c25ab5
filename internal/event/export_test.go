package event

// SequenceIn numbers within the caller's transaction.
var SequenceIn = sequence
