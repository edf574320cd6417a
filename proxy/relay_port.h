#pragma once

namespace bottle {

// Carries standard input and output to and from a TCP port of this machine's own: for a container
// that shares its network with another one. Returns the exit status. When standard input has ended
// and the port says nothing for a minute, that is the end.
int relay_port(unsigned short port);

// Keeps the container of such calls alive: says that it runs, and ends with its standard input.
int await_relays();

}  // namespace bottle
