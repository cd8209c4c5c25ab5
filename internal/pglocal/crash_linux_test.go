package pglocal

import "testing"

// A busy backend outlives its postmaster and keeps the shared memory, with which
// PostgreSQL refuses to start.
func TestLeftoversAreEnded(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(*testing.T) string{"open": folder, "private": privateFolder} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Options{Dir: place(t)})
			backend, postmaster := busy(t, s), s.PID()
			kill(t, postmaster)
			eventually(t, "another postmaster", func() bool { return s.PID() != postmaster && s.PID() != 0 })
			eventually(t, "the leftover is gone", func() bool { return !alive(backend) })
			expect(t, s, "SELECT 1", "1")
		})
	}
}
