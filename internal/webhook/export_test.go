package webhook

// Insiders are addresses that no delivery may reach.
var Insiders = insiders
