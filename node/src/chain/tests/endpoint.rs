//! One endpoint: its name, its limits, its errors.

use axum::{Json, Router, http::StatusCode, routing::post};
use serde_json::{Value, json};

use super::*;

fn endpoint(url: &str) -> Endpoint {
    Endpoint::new(url, DEADLINE, metrics()).unwrap()
}

/// The URL of a node that answers everything with `answer`.
async fn answering(status: StatusCode, answer: Value) -> String {
    let app = Router::new().fallback(post(move || async move { (status, Json(answer)) }));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

#[test]
fn a_name_holds_neither_path_nor_credentials() {
    let endpoint = endpoint("https://user:s3cret@rpc.example/v2/s3cret?key=s3cret");
    assert_eq!(endpoint.name(), "https://rpc.example:443");
    assert_eq!(format!("{endpoint:?}"), "Endpoint(https://rpc.example:443)");
}

#[test]
fn what_is_no_http_url_is_refused_without_being_repeated() {
    for url in ["s3cret", "ftp://s3cret@host/", "http://", "ws://host/s3cret"] {
        let error = Endpoint::new(url, DEADLINE, metrics()).unwrap_err();
        assert_eq!(error, EndpointError::NotHttp);
        assert!(!format!("{error}{error:?}").contains("s3cret"));
    }
}

#[tokio::test]
async fn no_error_repeats_the_secrets_of_the_url() {
    let held = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let dead = held.local_addr().unwrap();
    drop(held);
    let words = "no access to /v2/s3cret for user with pa55word and token=t0ken";
    let refusing = answering(StatusCode::OK, json!({ "error": { "code": 1, "message": words } })).await;
    let failing = answering(StatusCode::FORBIDDEN, json!("s3cret")).await;
    for host in [dead.to_string(), refusing.replace("http://", ""), failing.replace("http://", "")] {
        let endpoint = endpoint(&format!("http://user:pa55word@{host}/v2/s3cret?token=t0ken"));
        let error = endpoint.call("eth_chainId", json!([])).await.unwrap_err();
        let said = format!("{error} {error:?}");
        assert!(!["s3cret", "pa55word", "t0ken"].iter().any(|secret| said.contains(secret)), "{said}");
    }
}

#[tokio::test]
async fn errors_say_what_happened() {
    let unsupported = answering(StatusCode::OK, json!({ "error": { "code": -32601, "message": "what?" } })).await;
    let error = endpoint(&unsupported).call("eth_chainId", json!([])).await.unwrap_err();
    assert!(error.is_unsupported(), "{error}");

    let busy = answering(StatusCode::TOO_MANY_REQUESTS, json!("slow down")).await;
    let error = endpoint(&busy).call("eth_chainId", json!([])).await.unwrap_err();
    assert_eq!(error, CallError::Status(429));

    let nonsense = answering(StatusCode::OK, json!({ "jsonrpc": "2.0" })).await;
    let error = endpoint(&nonsense).call("eth_chainId", json!([])).await.unwrap_err();
    assert!(matches!(error, CallError::Malformed(_)), "{error}");
}

#[tokio::test]
async fn a_batch_is_put_in_order_and_refused_when_it_is_not_whole() {
    let answer = |ids: &[u64]| ids.iter().map(|id| json!({ "id": id, "result": id * 10 })).collect::<Value>();
    let three = || vec![json!([1]), json!([2]), json!([3])];

    let shuffled = endpoint(&answering(StatusCode::OK, answer(&[2, 0, 1])).await);
    assert_eq!(shuffled.batch("m", three()).await.unwrap(), [json!(0), json!(10), json!(20)]);

    for ids in [&[0, 1][..], &[0, 1, 3], &[0, 1, 1]] {
        let broken = endpoint(&answering(StatusCode::OK, answer(ids)).await);
        assert!(matches!(broken.batch("m", three()).await, Err(CallError::Malformed(_))), "{ids:?}");
    }
}
