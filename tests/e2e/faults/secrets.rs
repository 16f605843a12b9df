//! Secrets that can be recognised, planted wherever an operator has one, and looked for wherever a daemon says something (I12).

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use devnet::network::Daemon;

use crate::network::{World, told};

/// What stands in the URLs of RPC endpoints and collectors.
const USER: &str = "planted-user-5f1e";
const PASSWORD: &str = "planted-password-9c3a";
const PATH: &str = "planted-path-71bd";
const QUERY: &str = "planted-query-e806";

/// Everything of a run that nobody may be told.
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Gives every URL in every configuration credentials, which hold from a daemon's next start on, and takes note of every key.
    pub(crate) fn plant(world: &World) -> Self {
        let mut secrets = [USER, PASSWORD, PATH, QUERY].map(str::to_owned).to_vec();
        for daemon in &world.network.daemons {
            let text = fs::read_to_string(&daemon.config).expect("a configuration");
            fs::write(&daemon.config, with_credentials(&text, world)).expect("it is written");
            let folder = daemon.config.parent().expect("a folder");
            let keys: &[&str] =
                if daemon.is_attester { &["bls.key", "transport.key"] } else { &["executor.key", "admin.token"] };
            secrets.extend(keys.iter().map(|key| secret_in(&folder.join(key))));
        }
        Self(secrets)
    }

    /// Whatever the run has said: logs, arguments, metrics, health, and how commands fail.
    pub(crate) async fn are_told_to_nobody(&self, world: &World) {
        let relayer = world.relayer();
        for log in fs::read_dir(relayer.config.with_file_name("../logs")).expect("the logs") {
            let log = log.expect("a log").path();
            self.are_not_in(&log.display().to_string(), &fs::read(&log).expect("a log"));
        }
        for (name, id) in world.processes.ids() {
            self.are_not_in(name, &fs::read(format!("/proc/{id}/cmdline")).expect("its arguments"));
        }
        for daemon in &world.network.daemons {
            for path in ["metrics", "readyz?verbose"] {
                self.are_not_in(path, told(daemon, path).await.as_bytes());
            }
        }
        let attester = world.attesters().next().expect("an attester");
        for daemon in [relayer, attester] {
            self.are_not_in_failures_of(daemon);
        }
    }

    /// A command's words when its nodes do not answer, when its configuration is wrong, and when its key files are.
    fn are_not_in_failures_of(&self, daemon: &Daemon) {
        let good = fs::read_to_string(&daemon.config).expect("a configuration");
        let key = if daemon.is_attester { "bls.key" } else { "executor.key" };
        let secret = secret_in(&daemon.config.with_file_name(key));
        let spoiled = daemon.config.with_file_name("spoiled.key");
        fs::copy(daemon.config.with_file_name(key), &spoiled).expect("a key file with the key's permissions");
        fs::write(&spoiled, format!("{secret}, it says\n")).expect("it is spoiled");
        let unreachable = good.replace("@127.0.0.1:", "@127.0.0.2:");
        let wrong = good.replace("http://", "ftp://").replace("poll_ms = ", &format!("key = \"{secret}\"\npoll_ms = "));
        let exposed = good.replace(key, "spoiled.key");
        for (text, code) in [(unreachable, 4), (wrong, 3), (exposed, 7)] {
            let config = daemon.config.with_file_name("wrong.toml");
            fs::write(&config, text).expect("a configuration");
            let output = command(daemon, &["config", "check", "--config"], &config);
            assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
            self.are_not_in(&daemon.name, &[output.stdout, output.stderr].concat());
        }
    }

    fn are_not_in(&self, place: &str, told: &[u8]) {
        let told = String::from_utf8_lossy(told).to_lowercase();
        for (number, secret) in self.0.iter().enumerate() {
            // Not repeated here either.
            assert!(!told.contains(secret), "{place} tells secret {number}");
        }
    }
}

fn command(daemon: &Daemon, arguments: &[&str], config: &Path) -> Output {
    // The most that they ever log.
    Command::new(&daemon.program).args(arguments).arg(config).env("RUST_LOG", "trace").output().expect("it runs")
}

fn secret_in(file: &Path) -> String {
    fs::read_to_string(file).expect("a key file").trim().trim_start_matches("0x").to_lowercase()
}

/// A configuration whose URLs hold credentials wherever a URL can. A node takes no path, as little as the collector a query.
fn with_credentials(text: &str, world: &World) -> String {
    let nodes: Vec<_> = world.network.chains.iter().map(|chain| chain.node.url.as_str()).collect();
    let proxies = world.network.chains.iter().flat_map(|chain| &chain.endpoints);
    let proxies: Vec<_> = proxies.map(String::as_str).filter(|url| !nodes.contains(url)).collect();
    let collector = format!("http://{}", world.network.collector);
    let mut text = text.to_owned();
    for (urls, end) in [
        (nodes, format!("/?key={QUERY}")),
        (proxies, format!("/{PATH}?key={QUERY}")),
        (vec![collector.as_str()], String::new()),
    ] {
        for url in urls {
            let authority = url.trim_start_matches("http://");
            text = text.replace(&format!("\"{url}\""), &format!("\"http://{USER}:{PASSWORD}@{authority}{end}\""));
        }
    }
    text
}
