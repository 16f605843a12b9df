mod cuts;
mod gateway;
mod judging;
mod lies;
mod restoring;
