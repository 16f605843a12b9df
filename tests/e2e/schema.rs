//! The keys of the demo's JSON document that others may rely on. More are allowed.

use serde_json::Value;

/// What a key holds.
enum Is {
    /// A whole number, not negative.
    Count,
    /// The same; null where nothing was delivered.
    CountOrNull,
    /// A decimal number in a string: it may be longer than JSON's numbers are precise.
    Units,
}

const REPORT: [(&str, Is); 7] = [
    ("/commitments_signed", Is::Count),
    ("/lost", Is::Count),
    ("/doubled", Is::Count),
    ("/units_off", Is::Count),
    ("/ordered_violations", Is::Count),
    ("/seed", Is::Count),
    ("/duration_s", Is::Count),
];

const LANE: [(&str, Is); 10] = [
    ("/origin", Is::Count),
    ("/destination", Is::Count),
    ("/sent", Is::Count),
    ("/delivered", Is::Count),
    ("/voided", Is::Count),
    ("/refused", Is::Count),
    ("/reclaimed", Is::Count),
    ("/latency_ms_p50", Is::CountOrNull),
    ("/latency_ms_p95", Is::CountOrNull),
    ("/gas_per_message", Is::CountOrNull),
];

const APART: [(&str, Is); 4] = [
    ("/apart/while_down/messages", Is::Count),
    ("/apart/while_down/latency_ms_p95", Is::CountOrNull),
    ("/apart/failed_first/messages", Is::Count),
    ("/apart/failed_first/latency_ms_p95", Is::CountOrNull),
];

const ERA: [(&str, Is); 4] = [
    ("/era/under_way", Is::Units),
    ("/era/failed", Is::Units),
    ("/era/refused", Is::Units),
    ("/era/to_reclaim", Is::Units),
];

/// Panics unless `report` has every key with what it should hold.
pub(crate) fn check(report: &Value) {
    require(report, &REPORT);
    require(report, &APART);
    require(report, &ERA);
    let lanes = report["lanes"].as_array().expect("lanes");
    lanes.iter().for_each(|lane| require(lane, &LANE));
    let on_chains = report["era"]["on_chains"].as_object().expect("era.on_chains");
    assert!(on_chains.values().all(is_units), "{on_chains:?}");
    let by_epoch = report["transactions_by_epoch"].as_object().expect("transactions_by_epoch");
    assert!(by_epoch.values().all(Value::is_u64), "{by_epoch:?}");
}

fn require(document: &Value, keys: &[(&str, Is)]) {
    for (key, is) in keys {
        let value = document.pointer(key).unwrap_or_else(|| panic!("{key} is missing in {document}"));
        let fits = match is {
            Is::Count => value.is_u64(),
            Is::CountOrNull => value.is_u64() || value.is_null(),
            Is::Units => is_units(value),
        };
        assert!(fits, "{key} is {value}");
    }
}

fn is_units(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}
