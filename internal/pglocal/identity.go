package pglocal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// identity is the user PostgreSQL runs as.
type identity struct {
	uid, gid uint32 // as seen from here: they own the files
	kind     identityKind
}

type identityKind uint8

const (
	ourselves    identityKind = iota
	anotherUser               // root gives up its rights
	maskedAsUser              // root in a user namespace where it bears another number
)

func (id identity) apply(attr *syscall.SysProcAttr) {
	switch id.kind {
	case anotherUser:
		attr.Credential = &syscall.Credential{Uid: id.uid, Gid: id.gid}
	case maskedAsUser:
		mask(attr, id)
	}
}

func (id identity) String() string {
	if id.kind == maskedAsUser {
		return "a user namespace"
	}
	return fmt.Sprintf("user %d", id.uid)
}

// assume chooses the identity and gives it the folder.
func (s *Server) assume(ctx context.Context) error {
	if uid := os.Geteuid(); uid != 0 {
		s.as = identity{uid: uint32(uid), gid: uint32(os.Getegid())}
		return nil
	}
	owner, exists := ownerOf(s.data)
	errs := []error{fmt.Errorf("PostgreSQL refuses to run as root, and no other user can run it in %s: "+
		"start the server as an ordinary user, or let others pass through the parent folders (chmod o+x)", s.dir)}
	for _, id := range rootIdentities(owner, exists) {
		if err := os.Lchown(s.dir, int(id.uid), int(id.gid)); err != nil {
			errs = append(errs, err)
			continue
		}
		if err := s.canEnter(ctx, id, s.dir); err != nil {
			errs = append(errs, err)
			continue
		}
		s.as = id
		if exists && owner.uid != id.uid {
			return giveTree(s.data, id)
		}
		return nil
	}
	_ = os.Lchown(s.dir, 0, 0)
	return errors.Join(errs...)
}

// rootIdentities are the identities to try as root, best first. The owner of an
// existing cluster comes first, so that its files stay as they are.
func rootIdentities(owner identity, exists bool) []identity {
	var ids []identity
	add := func(id identity) {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if exists && owner.uid == 0 {
		add(identity{kind: maskedAsUser})
	} else if exists {
		add(owner)
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			add(identity{uid: uint32(uid), gid: uint32(gid), kind: anotherUser})
		}
	}
	add(identity{kind: maskedAsUser})
	return ids
}

// canEnter tries whether the identity may take on its user, reach the folder and
// run PostgreSQL: permissions, access lists and container rules all have a say.
func (s *Server) canEnter(ctx context.Context, id identity, folder string) error {
	if id.kind == maskedAsUser && !canMask {
		return fmt.Errorf("%v: not on this system", id)
	}
	cmd := s.command(ctx, id, s.bin.postgres, "--version")
	cmd.Dir = folder
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%v cannot run PostgreSQL in %s: %w", id, folder, err)
	}
	return nil
}

func ownerOf(path string) (identity, bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return identity{}, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, false
	}
	return identity{uid: stat.Uid, gid: stat.Gid, kind: anotherUser}, true
}

func giveTree(root string, id identity) error {
	return filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(id.uid), int(id.gid))
	})
}
