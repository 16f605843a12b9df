//! One relayer and its attesters, as processes.

use std::{
    collections::BTreeMap,
    io,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
};

use crate::processes::{ProcessError, Processes};

/// A daemon, and what it is started with.
#[derive(Debug, Clone)]
pub struct Daemon {
    /// What people call it.
    pub name: String,
    /// Its binary.
    pub program: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
    /// Where it serves `/readyz`, `/livez` and `/metrics`.
    pub telemetry: SocketAddr,
    /// Whether it signs, and so has a guard.
    pub is_attester: bool,
    /// What it finds in its environment beyond what this program has.
    pub environment: BTreeMap<String, String>,
}

impl Daemon {
    /// Begins an attester's record of what it signed; once.
    pub(super) async fn prepare(&self, processes: &Processes) -> Result<(), ProcessError> {
        if !self.is_attester {
            return Ok(());
        }
        let arguments = ["guard", "init", "--config", &self.config.to_string_lossy()];
        processes.complete(&self.name, &self.program, &arguments).await
    }

    /// Starts it, for the first time or again.
    pub fn start(&self, processes: &mut Processes) -> Result<(), ProcessError> {
        let arguments = ["run", "--config", &self.config.to_string_lossy()];
        processes.start(&self.name, &self.program, &arguments, &self.environment).map(drop)
    }
}

/// Ports that are free, held until those who listen on them are started.
pub(super) struct Ports {
    pub(super) collector: TcpListener,
    pub(super) relayer: TcpListener,
    pub(super) admin: TcpListener,
    pub(super) attesters: Vec<TcpListener>,
}

impl Ports {
    pub(super) fn reserve(attesters: usize) -> io::Result<Self> {
        let free = || TcpListener::bind(("127.0.0.1", 0));
        Ok(Self {
            collector: free()?,
            relayer: free()?,
            admin: free()?,
            attesters: (0..attesters).map(|_| free()).collect::<Result<_, _>>()?,
        })
    }
}
