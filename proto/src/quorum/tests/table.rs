use alloy::primitives::{B256, keccak256};

use super::*;
use crate::{bls::BlsError, ids::tag};

fn decode(table: &EpochTable) -> Result<EpochTable, TableError> {
    EpochTable::decode(table.hash(), &table.header(), &table.chunks().collect::<Vec<_>>())
}

/// What a hostile author publishes: a header that hashes right over whatever entries.
fn hostile(entries: &[Vec<u8>], total: u128) -> Result<EpochTable, TableError> {
    let chunks: Vec<_> = entries.chunks(EpochTable::CHUNK_MEMBERS).map(<[_]>::concat).collect();
    let header = header(entries.len(), total, &chunks);
    EpochTable::decode(keccak256(&header), &header, &chunks)
}

fn header(members: usize, total: u128, chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut header = [&tag("table")[..], &[1], &7_u64.to_be_bytes()].concat();
    header.extend_from_slice(&u16::try_from(members).unwrap().to_be_bytes());
    header.extend_from_slice(&total.to_be_bytes());
    chunks.iter().for_each(|chunk| header.extend_from_slice(keccak256(chunk).as_slice()));
    header
}

/// The entries of secrets 1 to `count` with a stake of 1 each, in order.
fn entries(count: usize) -> Vec<Vec<u8>> {
    let attesters = Attesters::new(7, &vec![1; count]);
    let chunks: Vec<u8> = attesters.table.chunks().flatten().collect();
    chunks.chunks(204).map(<[u8]>::to_vec).collect()
}

#[test]
fn a_table_reads_back_from_its_header_and_chunks() {
    for count in [4, 5, 120, 121] {
        let stakes: Vec<_> = (1_000..).take(count).collect();
        let table = Attesters::new(9, &stakes).table;
        let sizes: Vec<_> = table.chunks().map(|chunk| chunk.len() / 204).collect();
        assert_eq!(sizes.iter().sum::<usize>(), count);
        assert!(sizes[..sizes.len() - 1].iter().all(|size| *size == 120));
        assert_eq!(table.header().len(), 59 + 32 * sizes.len());
        assert_eq!(decode(&table).as_ref(), Ok(&*table));
    }
}

#[test]
fn members_are_found_by_their_id() {
    let attesters = Attesters::new(1, &[5; 6]);
    for (index, secret) in (0..).zip(&attesters.secrets) {
        assert_eq!(attesters.table.position(secret.public_key().attester_id()), Some(index));
    }
    assert_eq!(attesters.table.position(secret(99).public_key().attester_id()), None);
}

#[test]
fn header_and_chunks_from_anyone_are_checked_by_the_hash() {
    let table = Attesters::new(9, &[10; 130]).table;
    let (hash, header, chunks) = (table.hash(), table.header(), table.chunks().collect::<Vec<_>>());
    for byte in 0..header.len() {
        let mut header = header.clone();
        header[byte] ^= 1;
        assert_eq!(EpochTable::decode(hash, &header, &chunks), Err(TableError::Hash));
    }
    for (index, byte) in [(0, 0), (0, 203), (0, 24_479), (1, 0), (1, 2_039)] {
        let mut chunks = chunks.clone();
        chunks[index][byte] ^= 1;
        assert_eq!(EpochTable::decode(hash, &header, &chunks), Err(TableError::Chunk(index)));
    }
    for (index, chunk) in chunks.iter().enumerate() {
        assert_eq!(EpochTable::check_chunk(&header, index, chunk), Ok(()));
        assert_eq!(EpochTable::check_chunk(&header, index, &chunk[1..]), Err(TableError::Chunk(index)));
    }
    for index in [1, 2, usize::MAX] {
        assert_eq!(EpochTable::check_chunk(&header, index, &chunks[0]), Err(TableError::Chunk(index)));
    }
    let swapped = [chunks[1].clone(), chunks[0].clone()];
    assert_eq!(EpochTable::decode(hash, &header, &swapped), Err(TableError::Chunk(0)));
    let missing = TableError::Chunks { expected: 2, got: 1 };
    assert_eq!(EpochTable::decode(hash, &header, &chunks[..1]), Err(missing));
}

#[test]
fn a_header_that_hashes_right_is_still_read_strictly() {
    let chunks = [entries(4).concat()];
    let good = header(4, 4, &chunks);
    assert!(EpochTable::decode(keccak256(&good), &good, &chunks).is_ok());

    let mut bad = vec![good[..58].to_vec(), [&good[..], &[0; 32]].concat(), [&good[..], &[0]].concat()];
    for byte in [0, 32] {
        bad.push(good.clone());
        bad.last_mut().unwrap()[byte] ^= 2;
    }
    for header in bad {
        assert_eq!(EpochTable::decode(keccak256(&header), &header, &chunks), Err(TableError::Header));
    }
}

#[test]
fn a_key_twice_or_beside_its_negative_is_refused() {
    let mut twice = entries(5);
    twice[3] = twice[2].clone();
    assert_eq!(hostile(&twice, 5), Err(TableError::Order(3)));

    // -pk is as good a key as pk, and would cancel it: refused because x is the same.
    let mut order: [u8; 32] = alloy::hex!("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001");
    order[31] -= 1;
    let negative = SecretKey::from_bytes(&order).unwrap().public_key();
    let positive = secret(1).public_key();
    let mut members: Vec<_> = [2, 3, 4].map(secret).iter().map(|secret| member(secret, 1)).collect();
    for key in [positive, negative] {
        members.push(Member { key, stake: Stake::new(1).unwrap() });
    }
    assert!(matches!(EpochTable::new(7, members), Err(TableError::Order(_))));
}

#[test]
fn entries_out_of_order_are_refused() {
    let mut swapped = entries(5);
    swapped.swap(1, 2);
    assert_eq!(hostile(&swapped, 5), Err(TableError::Order(2)));
}

#[test]
fn keys_outside_curve_or_subgroup_or_at_infinity_are_refused() {
    let mut infinity = entries(5);
    infinity[0][..192].fill(0);
    assert_eq!(hostile(&infinity, 5), Err(TableError::Key { index: 0, source: BlsError::Infinity }));

    let mut off_curve = entries(5);
    off_curve[4][191] ^= 1;
    assert_eq!(hostile(&off_curve, 5), Err(TableError::Key { index: 4, source: BlsError::Curve }));
}

#[test]
fn four_to_1_200_members_make_a_table() {
    let three = entries(4)[..3].to_vec();
    assert_eq!(hostile(&three, 3), Err(TableError::Members(3)));
    let many = vec![vec![1; 204]; 1_201];
    assert_eq!(hostile(&many, 1_201), Err(TableError::Members(1_201)));
}

#[test]
fn a_member_with_a_third_of_the_stake_is_refused() {
    let secrets: Vec<_> = (1..=4).map(secret).collect();
    let table = |stakes: [u128; 4]| {
        EpochTable::new(1, secrets.iter().zip(stakes).map(|(secret, stake)| member(secret, stake)).collect())
    };
    assert!(matches!(table([50, 40, 40, 20]), Err(TableError::TooLarge(_))));
    assert!(table([49, 40, 40, 20]).is_ok());
}

#[test]
fn stakes_are_1_to_2_to_the_96_less_1() {
    assert!(Stake::new(0).is_err() && Stake::new(1 << 96).is_err());
    assert_eq!(Stake::from_be_bytes(Stake::MAX.to_be_bytes()), Ok(Stake::MAX));

    let mut zero = entries(5);
    zero[2][192..].fill(0);
    assert!(matches!(hostile(&zero, 4), Err(TableError::Stake { index: 2, .. })));
}

#[test]
fn a_total_that_is_not_the_sum_is_refused() {
    for total in [4, 6, 0, u128::MAX] {
        assert_eq!(hostile(&entries(5), total), Err(TableError::Total { expected: total, got: 5 }));
    }
}

#[test]
fn maximal_stakes_of_maximal_tables_do_not_overflow() {
    let table = Attesters::new(1, &vec![Stake::MAX.get(); 1_200]).table;
    assert_eq!(table.total(), 1_200 * Stake::MAX.get());
    assert_eq!(decode(&table).as_ref(), Ok(&*table));

    let mut signers = Bitmap::empty(1_200);
    (0..800).for_each(|index| assert!(signers.insert(index)));
    assert!(!table.is_quorum(table.stake_of(&signers)), "exactly two thirds");
    signers.insert(800);
    assert!(table.is_quorum(table.stake_of(&signers)));
    assert!(table.is_quorum(table.total()));
}

#[test]
fn the_hash_commits_to_epoch_keys_and_stakes() {
    let base = Attesters::new(1, &[5; 4]).table.hash();
    let others: [B256; 3] = [
        Attesters::new(2, &[5; 4]).table.hash(),
        Attesters::new(1, &[5, 5, 5, 6]).table.hash(),
        Attesters::new(1, &[5; 5]).table.hash(),
    ];
    assert!(others.iter().all(|hash| *hash != base));
}

/// However many sign, the two ways to sum their keys agree.
#[test]
fn keys_are_summed_from_signers_or_from_absentees_alike() {
    let attesters = Attesters::new(1, &[1; 9]);
    let mut signers = Bitmap::empty(9);
    assert_eq!(attesters.table.key_of(&signers), Err(BlsError::Infinity));
    let mut sum = crate::bls::KeySum::default();
    for index in [3, 0, 8, 1, 7, 2, 6, 4, 5] {
        signers.insert(index);
        sum.add(&attesters.secrets[usize::from(index)].public_key());
        assert_eq!(attesters.table.key_of(&signers), sum.finish());
    }
}
