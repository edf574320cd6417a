#pragma once

namespace bottle::launcher::local {

// Takes from this process, and from all that it becomes and starts, the kernel calls that reach
// past namespaces: sockets of families that know no network namespace (AF_VSOCK talks to the
// machine around a virtual one), keys (the caller's session keyring is inherited), and io_uring,
// which makes sockets without the call for it. They fail as on a kernel that was built without
// them. Containers have their engine's filter instead, which in older engines leaves AF_VSOCK and
// io_uring (docs/manifest.md).
//
// Sets no_new_privs. False, with errno: the kernel took no filter.
bool install_call_filter();

}  // namespace bottle::launcher::local
