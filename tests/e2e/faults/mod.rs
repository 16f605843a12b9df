//! What goes wrong in the world, done on purpose to real processes: endpoints that lie or hang, nodes that stop, daemons that are
//! killed, disks that are full, guards that are lost.
//!
//! Run it with `make test-faults`.

mod disk;
mod endpoints;
mod guards;
mod kills;
mod secrets;
mod signed;
mod storage;
