package pg

import "time"

// StayCrowded makes a server that has met another remember it for the whole test.
func StayCrowded(db *DB) { db.turns.stays = time.Hour }
