//! However a demo ends, nothing of it goes on that was not asked to.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{binaries::complaint, elsewhere::Elsewhere};

/// How long ending may take: every process's time to stop, and more than that for a busy machine.
const END_MAX: Duration = Duration::from_secs(60);

/// A demo that has started its daemons.
fn demo_with_daemons(elsewhere: &Elsewhere) -> Child {
    let mut demo = elsewhere
        .devnet(&["demo", "--messages", "60", "--seed", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("devnet starts");
    let mut said = BufReader::new(demo.stderr.take().expect("its standard error"));
    let mut line = String::new();
    while !line.contains("starting one relayer") {
        line.clear();
        let read = said.read_line(&mut line).expect("its standard error");
        assert_ne!(read, 0, "the demo ended before it started a daemon");
    }
    // It would block when nobody reads what it says.
    std::thread::spawn(move || said.read_to_end(&mut Vec::new()));
    demo
}

fn ends_by(signal: &str) {
    let elsewhere = Elsewhere::new();
    let mut demo = demo_with_daemons(&elsewhere);
    let kill = Command::new("kill").args([signal, &demo.id().to_string()]).status().expect("kill");
    assert!(kill.success());
    let begun = Instant::now();
    let status = loop {
        match demo.try_wait().expect("the demo is ours") {
            Some(status) => break status,
            None if begun.elapsed() > END_MAX => {
                demo.kill().expect("the demo is ours");
                panic!("the demo goes on after {signal}");
            }
            None => std::thread::yield_now(),
        }
    };
    assert_eq!(status.code(), Some(130));
    assert!(elsewhere.running().is_empty(), "left running: {:?}", elsewhere.running());
    assert!(elsewhere.runs().is_empty(), "left behind: {:?}", elsewhere.runs());
}

#[test]
fn an_interrupted_demo_leaves_nothing() {
    ends_by("-INT");
}

#[test]
fn a_terminated_demo_leaves_nothing() {
    ends_by("-TERM");
}

#[test]
fn a_kept_demo_goes_on_until_it_is_stopped() {
    let elsewhere = Elsewhere::new();
    let demo = elsewhere.devnet(&["demo", "--keep", "--messages", "60"]).output().expect("devnet starts");
    assert!(demo.status.success(), "{}: {}", demo.status, complaint(&demo));
    // Three nodes and two proxies of each, one relayer, seven attesters.
    assert_eq!(elsewhere.running().len(), 17);

    // Every command that asks something works as it is printed.
    let printed = complaint(&demo);
    let commands: Vec<&str> = printed.lines().map(str::trim).filter(|line| line.starts_with("curl ")).collect();
    assert!(commands.len() >= 8, "commands for every process: {printed}");
    for command in commands {
        let answer = Command::new("bash").args(["-o", "pipefail", "-c", command]).output().expect("bash");
        assert!(answer.status.success() && !answer.stdout.is_empty(), "{command}: {}", complaint(&answer));
    }

    let stop = elsewhere.devnet(&["stop"]).output().expect("devnet starts");
    assert!(stop.status.success(), "{}: {}", stop.status, complaint(&stop));
    assert!(elsewhere.running().is_empty(), "left running: {:?}", elsewhere.running());
    assert!(elsewhere.runs().is_empty(), "left behind: {:?}", elsewhere.runs());
}
