//! The admin API over HTTP, as the commands use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod node;
mod requests;
mod traced;

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::PathBuf};

use metalayer_node::{
    bus::{Offset, Stored},
    store::memory::MemoryStore,
    task::group::TaskGroup,
};
use metalayer_proto::topics::Topic;
use node::Node;
use tempfile::TempDir;

use super::{
    client::{AdminError, get as ask},
    *,
};
use crate::{
    index,
    testing::{Attesters, archive, clock, gateway, metrics, records},
};

/// An admin API of a relayer that serves 901 and 902.
struct Bench {
    attesters: Attesters,
    records: Records,
    index: Index,
    tasks: TaskGroup,
    collector: Arc<Collector>,
    in_force: Arc<InForce>,
    nodes: BTreeMap<u64, Arc<Node>>,
    address: SocketAddr,
    folder: TempDir,
}

const ACCOUNT: Address = Address::repeat_byte(6);

impl Bench {
    async fn new() -> Self {
        let (attesters, records) = (Attesters::new(), records(clock()));
        let index = Index::new(Arc::new(MemoryStore::new(&index::TABLES)));
        let origins = [(gateway(901), Partition(1)), (gateway(902), Partition(2))].into();
        let collector =
            Collector::open(attesters.book(), origins, records.clone(), archive(), clock(), metrics()).unwrap();
        let collector = Arc::new(collector);
        let nodes: BTreeMap<_, _> = [901, 902].map(|chain| (chain, Arc::new(Node::new(chain)))).into();
        let served = |chain: u64, partition| {
            (gateway(chain), Served { partition: Partition(partition), writer: nodes[&chain].clone() })
        };
        let (tasks, in_force) = (TaskGroup::new(clock()), Arc::<InForce>::default());
        let admin = Admin {
            index: index.clone(),
            board: tasks.status(),
            records: records.clone(),
            chains: [served(901, 1), served(902, 2)].into(),
            collector: collector.clone(),
            in_force: in_force.clone(),
            account: ACCOUNT,
            token: Token::new("right"),
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes(Arc::new(admin))).await });
        let folder = tempfile::tempdir().unwrap();
        Self { attesters, records, index, tasks, collector, in_force, nodes, address, folder }
    }

    fn token(&self, token: &str, mode: u32) -> PathBuf {
        let file = self.folder.path().join(format!("{token}{mode:o}"));
        fs::write(&file, token).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        file
    }
}

#[tokio::test]
async fn nobody_is_answered_without_the_token() {
    let bench = Bench::new().await;
    let wrong = ask::<Vec<Letter>>(bench.address, &bench.token("wrong", 0o600), "/v1/dead-letters").await.unwrap_err();
    assert!(matches!(wrong, AdminError::Refused { status: 401, .. }), "{wrong}");
    let plain = reqwest::get(format!("http://{}/v1/dead-letters", bench.address)).await.unwrap();
    assert_eq!(plain.status(), 401);
    let exposed =
        ask::<Vec<Letter>>(bench.address, &bench.token("right", 0o644), "/v1/dead-letters").await.unwrap_err();
    assert!(exposed.to_string().contains("chmod 600"), "{exposed}");
}

#[tokio::test]
async fn refused_records_are_listed_and_shown_whole() {
    let bench = Bench::new().await;
    let token = bench.token("right", 0o600);
    let place = (Topic::Messages, Partition(1));
    for offset in 0..300 {
        let stored = Stored { offset: Offset(offset), key: Vec::new(), value: vec![7; 3] };
        bench.records.refuse(place, &stored, "malformed", &"it is nonsense").await.unwrap();
    }
    let listed: Vec<Letter> = ask(bench.address, &token, "/v1/dead-letters").await.unwrap();
    assert_eq!((listed.len(), listed.last().unwrap().place.as_str()), (256, "metalayer.messages.v1/1/299"));
    assert!(listed.iter().all(|letter| letter.reason == "malformed" && letter.value.is_none()));
    let one: Letter = ask(bench.address, &token, "/v1/dead-letters/metalayer.messages.v1/1/3").await.unwrap();
    assert_eq!(one.value.unwrap().as_ref(), [7; 3]);
    let none = ask::<Letter>(bench.address, &token, "/v1/dead-letters/metalayer.messages.v1/1/900").await.unwrap_err();
    assert!(matches!(none, AdminError::NotFound(_)), "{none}");
}

#[tokio::test]
async fn what_is_no_id_and_what_was_not_seen_are_told_apart() {
    let bench = Bench::new().await;
    let token = bench.token("right", 0o600);
    let unseen = format!("/v1/messages/{}", B256::ZERO);
    let error = ask::<Traced>(bench.address, &token, &unseen).await.unwrap_err();
    assert!(matches!(error, AdminError::NotFound(_)), "{error}");
    let error = ask::<Traced>(bench.address, &token, "/v1/messages/7").await.unwrap_err();
    assert!(matches!(error, AdminError::Refused { status: 400, .. }), "{error}");
}

#[tokio::test]
async fn a_relayer_that_does_not_run_is_told_as_that() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let bench = Bench::new().await;
    let error = ask::<Letter>(address, &bench.token("right", 0o600), "/v1/dead-letters").await.unwrap_err();
    assert!(error.to_string().contains("no relayer answers on"), "{error}");
}
