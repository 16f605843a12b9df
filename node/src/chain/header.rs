//! Headers, re-hashed from what an endpoint says (PROTOCOL "Reading without trust", 2).

use alloy::{consensus::Header, primitives::B256};
use serde_json::Value;

/// What a header's JSON may hold besides what is hashed.
const UNHASHED_FIELDS: [&str; 7] =
    ["hash", "size", "totalDifficulty", "transactions", "uncles", "withdrawals", "author"];

/// What is hashed: the fields that [`Header`] knows, by their JSON names.
const HASHED_FIELDS: [&str; 23] = [
    "parentHash",
    "sha3Uncles",
    "miner",
    "stateRoot",
    "transactionsRoot",
    "receiptsRoot",
    "logsBloom",
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "extraData",
    "mixHash",
    "nonce",
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
    "blockAccessListHash",
    "slotNumber",
];

/// A header whose hash was computed here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HashedHeader {
    pub header: Header,
    pub hash: B256,
}

/// The header in `block`, an answer to `eth_getBlockByNumber`, if it hashes to `expected`; else what stands in the
/// way, with unknown fields and the stack they belong to by name.
pub(super) fn verify(block: &Value, expected: B256) -> Result<HashedHeader, String> {
    let header: Header = serde_json::from_value(block.clone())
        .map_err(|error| format!("the header cannot be read: {error}{}", foreign(block)))?;
    let hash = header.hash_slow();
    if hash == expected {
        return Ok(HashedHeader { header, hash });
    }
    Err(format!("header {} hashes to {hash}, not to {expected}{}", header.number, foreign(block)))
}

/// Names the fields that no Ethereum header has, and whose they are.
fn foreign(block: &Value) -> String {
    let Some(fields) = block.as_object() else { return String::new() };
    let unknown: Vec<&str> = fields
        .keys()
        .map(String::as_str)
        .filter(|field| !UNHASHED_FIELDS.contains(field) && !HASHED_FIELDS.contains(field))
        .collect();
    if unknown.is_empty() {
        return String::new();
    }
    let stack = if unknown.iter().any(|field| matches!(*field, "l1BatchNumber" | "l1BatchTimestamp")) {
        " (ZKsync)"
    } else if unknown.iter().any(|field| matches!(*field, "sendRoot" | "sendCount" | "l1BlockNumber")) {
        " (Arbitrum)"
    } else {
        ""
    };
    format!("; it has fields that Ethereum's headers lack: {}{stack}", unknown.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use alloy::primitives::Bloom;

    use super::*;

    fn json_of(header: &Header) -> Value {
        serde_json::to_value(header).unwrap()
    }

    #[test]
    fn a_header_of_every_fork_is_rehashed_from_its_json() {
        let london = Header { number: 7, base_fee_per_gas: Some(9), ..Header::default() };
        let prague = Header {
            withdrawals_root: Some(B256::repeat_byte(1)),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::repeat_byte(2)),
            requests_hash: Some(B256::repeat_byte(3)),
            ..london.clone()
        };
        for header in [Header::default(), london, prague] {
            assert_eq!(verify(&json_of(&header), header.hash_slow()).unwrap().header, header);
        }
    }

    #[test]
    fn a_header_with_any_field_altered_is_refused() {
        let header = Header { number: 7, timestamp: 70, ..Header::default() };
        let hash = header.hash_slow();
        let altered = [
            Header { number: 8, ..header.clone() },
            Header { parent_hash: B256::repeat_byte(1), ..header.clone() },
            Header { receipts_root: B256::repeat_byte(1), ..header.clone() },
            Header { logs_bloom: Bloom::repeat_byte(1), ..header.clone() },
            Header { timestamp: 71, ..header },
        ];
        for header in altered {
            assert!(verify(&json_of(&header), hash).is_err());
        }
    }

    #[test]
    fn a_header_that_nobody_can_rehash_names_its_foreign_fields_and_stack() {
        let mut block = json_of(&Header::default());
        block["l1BatchNumber"] = "0x1".into();
        block["hash"] = B256::repeat_byte(9).to_string().into();
        let problem = verify(&block, B256::repeat_byte(9)).unwrap_err();
        assert!(problem.contains("l1BatchNumber") && problem.contains("ZKsync"), "{problem}");
    }

    #[test]
    fn every_field_that_alloy_hashes_is_known_by_name() {
        let full = Header {
            base_fee_per_gas: Some(1),
            withdrawals_root: Some(B256::ZERO),
            blob_gas_used: Some(1),
            excess_blob_gas: Some(1),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(B256::ZERO),
            block_access_list_hash: Some(B256::ZERO),
            slot_number: Some(1),
            ..Header::default()
        };
        assert_eq!(foreign(&json_of(&full)), "");
    }
}
