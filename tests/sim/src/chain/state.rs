//! What the contracts remember: accounts and their storage, and how to go back to what they were.

use std::{collections::BTreeMap, convert::Infallible};

use alloy::primitives::{Address, B256, Bytes, U256};
use revm::{
    DatabaseRef,
    bytecode::Bytecode,
    state::{AccountInfo, EvmState},
};

/// All accounts of a chain.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    accounts: BTreeMap<Address, Account>,
}

#[derive(Clone, Debug, Default)]
struct Account {
    /// With the code itself, so that nobody asks for code by its hash.
    info: AccountInfo,
    storage: BTreeMap<U256, U256>,
}

/// What a transaction or a block changed, as it was before.
#[derive(Clone, Debug, Default)]
pub(super) struct Undo(Vec<Before>);

#[derive(Clone, Debug)]
struct Before {
    address: Address,
    /// `None`: there was no account.
    info: Option<AccountInfo>,
    slots: Vec<(U256, U256)>,
}

impl State {
    pub(super) fn nonce(&self, address: Address) -> u64 {
        self.accounts.get(&address).map_or(0, |account| account.info.nonce)
    }

    pub(super) fn balance(&self, address: Address) -> U256 {
        self.accounts.get(&address).map_or(U256::ZERO, |account| account.info.balance)
    }

    pub(super) fn code(&self, address: Address) -> Bytes {
        let code = self.accounts.get(&address).and_then(|account| account.info.code.as_ref());
        code.map(Bytecode::original_bytes).unwrap_or_default()
    }

    pub(super) fn storage(&self, address: Address, slot: U256) -> U256 {
        self.accounts.get(&address).and_then(|account| account.storage.get(&slot)).copied().unwrap_or_default()
    }

    pub(super) fn set_balance(&mut self, address: Address, balance: U256) {
        self.accounts.entry(address).or_default().info.balance = balance;
    }

    /// Gives an account other code, as no transaction could; its storage stays.
    pub(super) fn set_code(&mut self, address: Address, code: Bytes) {
        let account = self.accounts.entry(address).or_default();
        let code = Bytecode::new_raw(code);
        account.info.code_hash = code.hash_slow();
        account.info.code = Some(code);
    }

    /// Sets a slot of an account, as no transaction could.
    pub(super) fn set_storage(&mut self, address: Address, slot: U256, value: U256) {
        self.accounts.entry(address).or_default().set(slot, value);
    }

    /// Takes over what the EVM changed.
    pub(super) fn commit(&mut self, changes: EvmState) -> Undo {
        let touched = changes.into_iter().filter(|(_, account)| account.is_touched());
        Undo(touched.map(|(address, account)| self.change(address, account)).collect())
    }

    fn change(&mut self, address: Address, changed: revm::state::Account) -> Before {
        let info = self.accounts.get(&address).map(|account| account.info.clone());
        // Only what was created in the same transaction can end itself (EIP-6780): it had no storage before.
        if changed.is_selfdestructed() || changed.is_empty() {
            self.accounts.remove(&address);
            return Before { address, info, slots: Vec::new() };
        }
        let account = self.accounts.entry(address).or_default();
        account.info = changed.info;
        let mut slots = Vec::new();
        for (slot, value) in changed.storage.into_iter().filter(|(_, value)| value.is_changed()) {
            slots.push((slot, account.set(slot, value.present_value)));
        }
        Before { address, info, slots }
    }

    /// Takes back what `undo` tells; changes are taken back in the reverse of their order.
    pub(super) fn revert(&mut self, undo: &Undo) {
        for Before { address, info, slots } in undo.0.iter().rev() {
            let Some(info) = info else {
                self.accounts.remove(address);
                continue;
            };
            let account = self.accounts.entry(*address).or_default();
            account.info = info.clone();
            for (slot, value) in slots {
                account.set(*slot, *value);
            }
        }
    }
}

impl Account {
    /// Returns what the slot held.
    fn set(&mut self, slot: U256, value: U256) -> U256 {
        let before = if value.is_zero() { self.storage.remove(&slot) } else { self.storage.insert(slot, value) };
        before.unwrap_or_default()
    }
}

impl Undo {
    /// This, and then `later`.
    pub(super) fn extend(&mut self, later: Self) {
        self.0.extend(later.0);
    }
}

impl DatabaseRef for State {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.accounts.get(&address).map(|account| account.info.clone()))
    }

    fn code_by_hash_ref(&self, _: B256) -> Result<Bytecode, Infallible> {
        // Every account carries its code.
        Ok(Bytecode::default())
    }

    fn storage_ref(&self, address: Address, slot: U256) -> Result<U256, Infallible> {
        Ok(self.storage(address, slot))
    }

    fn block_hash_ref(&self, _: u64) -> Result<B256, Infallible> {
        // The contracts never ask: a rollup's block numbers mean nothing.
        Ok(B256::ZERO)
    }
}
