//! The writer, against a real node.

use alloy::{
    consensus::{SignableTransaction, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718,
    network::TxSignerSync,
    primitives::{TxKind, U256},
    signers::local::PrivateKeySigner,
};

use super::{
    super::anvil::{Anvil, RICH},
    *,
};

/// Reverts with `Error("no")`: PUSH the 100 bytes of it in four words, then REVERT.
fn reverting() -> Bytes {
    let mut data = hex::decode("08c379a0").unwrap();
    data.extend(U256::from(32).to_be_bytes::<32>());
    data.extend(U256::from(2).to_be_bytes::<32>());
    data.extend_from_slice(b"no");
    data.resize(100, 0);
    let mut runtime = Vec::new();
    for (offset, word) in data.chunks(32).enumerate() {
        let mut padded = word.to_vec();
        padded.resize(32, 0);
        runtime.push(0x7f);
        runtime.extend(padded);
        runtime.extend([0x60, u8::try_from(offset * 32).unwrap(), 0x52]);
    }
    runtime.extend([0x60, 100, 0x5f, 0xfd]);
    // PUSH1 length, DUP1, PUSH1 9, PUSH0, CODECOPY, PUSH0, RETURN
    let mut code = vec![0x60, u8::try_from(runtime.len()).unwrap(), 0x80, 0x60, 9, 0x5f, 0x39, 0x5f, 0xf3];
    code.extend(runtime);
    code.into()
}

fn writer(anvil: &Anvil) -> RpcWriter {
    RpcWriter::new(chain_id(), endpoints([anvil.url.clone()], DEADLINE, &metrics()))
}

async fn signed(writer: &RpcWriter, key: &PrivateKeySigner) -> Bytes {
    let fees = writer.fees().await.unwrap();
    let mut transaction = TxEip1559 {
        chain_id: chain_id().get(),
        nonce: writer.nonce(key.address()).await.unwrap(),
        gas_limit: 21_000,
        max_fee_per_gas: fees.max_fee_per_gas,
        max_priority_fee_per_gas: fees.max_priority_fee_per_gas,
        to: TxKind::Call(GATEWAY),
        value: U256::from(5),
        ..TxEip1559::default()
    };
    let signature = key.sign_transaction_sync(&mut transaction).unwrap();
    TxEnvelope::from(transaction.into_signed(signature)).encoded_2718().into()
}

#[tokio::test]
async fn a_transaction_is_sent_known_and_found_in_its_block() {
    let anvil = Anvil::start();
    let writer = writer(&anvil);
    let key: PrivateKeySigner = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80".parse().unwrap();

    let raw = signed(&writer, &key).await;
    let hash = writer.send_raw(raw.clone()).await.unwrap();
    assert_eq!(writer.send_raw(raw).await.unwrap(), hash, "already known is no error");
    assert_eq!(writer.receipt(hash).await.unwrap(), None);
    assert_eq!(writer.nonce(RICH).await.unwrap(), 0, "what waits in the pool does not count");

    anvil.mine(1).await;
    let receipt = writer.receipt(hash).await.unwrap().unwrap();
    assert!(receipt.success);
    assert_eq!((receipt.gas_used, receipt.block), (21_000, writer.latest().await.unwrap().block));
    assert_eq!(writer.nonce(RICH).await.unwrap(), 1);
    assert_eq!(writer.balance(GATEWAY).await.unwrap(), U256::from(5));
}

#[tokio::test]
async fn a_revert_is_refused_with_its_reason_and_data() {
    let anvil = Anvil::start();
    let (contract, _) = anvil.deploy(reverting()).await;
    let writer = writer(&anvil);
    let call = writer.call(RICH, contract, Bytes::new()).await.unwrap_err();
    let estimate = writer.estimate(RICH, contract, Bytes::new()).await.unwrap_err();
    for error in [call, estimate] {
        let ChainError::Refused { problem, revert, .. } = &error else { panic!("{error}") };
        assert!(problem.contains("no") && problem.contains("0x08c379a0"), "{problem}");
        assert_eq!((revert.len(), &revert[..4]), (100, &[0x08, 0xc3, 0x79, 0xa0][..]));
        assert!(!error.is_retryable());
    }
    assert_eq!(writer.estimate(RICH, GATEWAY, Bytes::new()).await.unwrap(), 21_000);
}

#[tokio::test]
async fn a_second_endpoint_is_asked_when_the_first_is_dead() {
    let anvil = Anvil::start();
    let urls = ["http://127.0.0.1:1".to_owned(), anvil.url.clone()];
    let writer = RpcWriter::new(chain_id(), endpoints(urls, DEADLINE, &metrics()));
    assert!(writer.latest().await.unwrap().gas_limit > 0);

    let dead = RpcWriter::new(chain_id(), endpoints(["http://127.0.0.1:1".to_owned()], DEADLINE, &metrics()));
    let error = dead.latest().await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("http://127.0.0.1:1"), "{error}");
}
