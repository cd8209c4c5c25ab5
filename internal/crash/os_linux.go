package crash

import "syscall"

// endWithUs has the kernel kill the process when the thread that starts it ends,
// so that not even our own SIGKILL leaves a server behind.
func endWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
