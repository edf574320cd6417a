#pragma once

namespace bottle::launcher::local {

// Takes from this process, and from all that it becomes and starts, the kernel calls that reach
// past namespaces: sockets of families that know no network namespace (AF_VSOCK talks to the
// machine around a virtual one), keys (the caller's session keyring is inherited), and io_uring,
// which makes sockets without the call for it. They fail as on a kernel that was built without
// them. The docker backend needs none: the engine's own filter does the same.
//
// Sets no_new_privs. False, with errno: the kernel took no filter.
bool install_call_filter();

}  // namespace bottle::launcher::local
