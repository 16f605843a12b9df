//! Whether a block of the destination is final, or has been replaced.

use std::sync::Arc;

use metalayer_node::chain::{BlockRef, ChainError, ChainReader};

/// What became of a block that something was seen in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It may still be replaced.
    Open,
    /// It is part of the chain for good.
    Final,
    /// Another block is, in its place.
    Replaced,
}

/// The destination's finality, by the word of as many endpoints as must agree.
pub(super) struct Finality {
    reader: Arc<dyn ChainReader>,
    /// The newest final block that was heard of.
    height: u64,
    /// The final block that was asked for last.
    known: Option<BlockRef>,
}

impl Finality {
    pub(super) fn new(reader: Arc<dyn ChainReader>) -> Self {
        Self { reader, height: 0, known: None }
    }

    /// Asks how far finality is.
    pub(super) async fn refresh(&mut self) -> Result<(), ChainError> {
        self.height = self.reader.finalized().await?.number;
        Ok(())
    }

    /// What became of `block`, as far as the last [`Self::refresh`] knows.
    pub(super) async fn verdict(&mut self, block: BlockRef) -> Result<Verdict, ChainError> {
        if block.number > self.height {
            return Ok(Verdict::Open);
        }
        let known = match self.known.filter(|known| known.number == block.number) {
            Some(known) => known,
            None => *self.known.insert(self.reader.block_at(block.number).await?),
        };
        Ok(if known.hash == block.hash { Verdict::Final } else { Verdict::Replaced })
    }
}
