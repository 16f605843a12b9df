//! Bad input: every problem at once, an exit code by cause, nothing started.

use std::fs;

use crate::binaries::{complaint, run};

#[test]
fn a_configuration_with_many_mistakes_is_refused_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("attester.toml");
    let text = "network_file = \"missing.toml\"\ndata_dir = 5\npol_ms = 100\ncollectors = []\n[telemetry]\nlisten = \"nowhere\"\n\
                [[chains]]\nid = \"901\"\nrpc = [\"ftp://x\"]\nagree = 0\n";
    fs::write(&file, text).expect("the file");
    let path = file.display().to_string();
    for arguments in [["config", "check", "--config", path.as_str()].as_slice(), &["run", "--config", path.as_str()]] {
        let output = run("attester", arguments);
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        for part in [
            "network_file",
            "data_dir",
            "bls_key_file",
            "transport_key_file",
            "collectors",
            "listen",
            "id",
            "rpc[0]",
            "pol_ms",
        ] {
            assert!(said.contains(part), "`{part}` is missing in: {said}");
        }
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_command_that_does_not_exist_is_a_usage_error() {
    for program in ["attester", "relayer", "devnet"] {
        assert_eq!(run(program, &["frobnicate"]).status.code(), Some(2), "{program}");
        let help = run(program, &["--help"]);
        assert!(help.status.success());
        assert!(String::from_utf8_lossy(&help.stdout).contains("Exit codes"), "{program} --help teaches");
    }
}
