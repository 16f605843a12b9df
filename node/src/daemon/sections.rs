//! Sections that every daemon's configuration has.

use std::{net::SocketAddr, path::Path};

use reqwest::Url;

use crate::config::{InvalidConfig, NetworkFile, Section};

/// Reads `network_file` and the file it names.
pub fn read_network(root: &Section<'_>, folder: &Path) -> Option<NetworkFile> {
    let file = root.file("network_file", "the path of the network's file, such as networks/NAME.toml", folder)?;
    let unusable =
        |error: InvalidConfig| root.problem("network_file", error.to_string(), "repair or replace that file");
    NetworkFile::load(&file).map_err(unusable).ok()
}

/// Reads the list of collectors that `key` names.
pub fn read_collectors(section: &Section<'_>, key: &str) -> Option<Vec<Url>> {
    const WHAT: &str = "the http or https address of a collector";
    let urls: Vec<Url> = section.list(key, WHAT)?;
    for (index, _) in urls.iter().enumerate().filter(|(_, url)| !matches!(url.scheme(), "http" | "https")) {
        section.problem(&format!("{key}[{index}]"), "it is neither http nor https", format!("write {WHAT}"));
    }
    Some(urls)
}

/// Reads `[telemetry]`: where `/metrics` is served, and where traces go.
pub fn read_telemetry(root: &Section<'_>, default: SocketAddr) -> (Option<SocketAddr>, Option<String>) {
    let Some(section) = root.optional_section("telemetry", "where metrics are served and traces go") else {
        return (Some(default), None);
    };
    let listen = section.parsed_or("listen", "an address and port, such as \"127.0.0.1:9100\"", default);
    let otlp =
        section.optional_text("otlp_endpoint", "the base URL of an OTLP collector, such as \"http://HOST:4318\"");
    (listen, otlp.map(str::to_owned))
}
