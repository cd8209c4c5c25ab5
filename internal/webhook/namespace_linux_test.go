package webhook_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// ownNetwork has a command run in a network of its own, where every address there
// is belongs to it (see everyAddress). Whether the machine allows that shows when it
// starts.
func ownNetwork(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Getuid() == 0 {
		return
	}
	c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
	c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
}

// everyAddress makes all addresses of the network namespace local ones: whoever
// dials any of them reaches a listener on all.
func everyAddress() error {
	const (
		loopback = 1    // index of lo
		local    = 0xff // RT_TABLE_LOCAL
		boot     = 3    // RTPROT_BOOT
		host     = 254  // RT_SCOPE_HOST
		local2   = 2    // RTN_LOCAL
	)
	up := make([]byte, 16) // struct ifinfomsg
	binary.NativeEndian.PutUint32(up[4:], loopback)
	binary.NativeEndian.PutUint32(up[8:], syscall.IFF_UP)
	binary.NativeEndian.PutUint32(up[12:], syscall.IFF_UP)
	if err := netlink(syscall.RTM_NEWLINK, up); err != nil {
		return fmt.Errorf("bring up loopback: %w", err)
	}
	for _, family := range []byte{syscall.AF_INET, syscall.AF_INET6} {
		route := []byte{family, 0, 0, 0, local, boot, host, local2, 0, 0, 0, 0} // struct rtmsg, to everywhere
		route = binary.NativeEndian.AppendUint16(route, 8)
		route = binary.NativeEndian.AppendUint16(route, syscall.RTA_OIF)
		route = binary.NativeEndian.AppendUint32(route, loopback)
		err := netlink(syscall.RTM_NEWROUTE, route)
		if family == syscall.AF_INET6 && (errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EAFNOSUPPORT)) {
			continue // a machine without IPv6
		}
		if err != nil {
			return fmt.Errorf("route family %d: %w", family, err)
		}
	}
	return nil
}

// netlink asks the kernel for a change and waits for its word.
func netlink(kind uint16, payload []byte) error {
	s, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, syscall.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer syscall.Close(s)
	m := binary.NativeEndian.AppendUint32(nil, uint32(syscall.NLMSG_HDRLEN+len(payload)))
	m = binary.NativeEndian.AppendUint16(m, kind)
	m = binary.NativeEndian.AppendUint16(m, syscall.NLM_F_REQUEST|syscall.NLM_F_ACK|syscall.NLM_F_CREATE)
	m = binary.NativeEndian.AppendUint32(m, 1) // sequence
	m = binary.NativeEndian.AppendUint32(m, 0) // ours
	m = append(m, payload...)
	if err := syscall.Sendto(s, m, 0, &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := syscall.Recvfrom(s, answer, 0)
	if err != nil {
		return err
	}
	messages, err := syscall.ParseNetlinkMessage(answer[:n])
	if err != nil || len(messages) == 0 || len(messages[0].Data) < 4 {
		return fmt.Errorf("netlink answers %d bytes: %w", n, err)
	}
	if code := int32(binary.NativeEndian.Uint32(messages[0].Data)); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}
