//! Where waiting batches are.

use std::collections::BTreeMap;
use std::io;

use uuid::Uuid;

use crate::batch::Position;
use crate::sealed::Sealed;
use crate::spool::Spool;
use crate::totals::Count;

/// Where the batches are.
#[derive(Debug)]
pub(super) enum Store {
    Memory(Memory),
    Disk(Box<Spool>),
}

/// In memory: lost with the process.
#[derive(Debug)]
pub(super) struct Memory {
    capacity: usize,
    next: Position,
    batches: BTreeMap<u64, Sealed>,
}

impl Store {
    /// Whether another batch would cost an old one. What is on its way does not count in memory: it needs its place either way.
    pub(super) fn is_full(&self, on_their_way: usize) -> bool {
        match self {
            Self::Memory(memory) => memory.batches.len() >= memory.capacity + on_their_way,
            Self::Disk(spool) => spool.is_full(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Memory(memory) => memory.batches.len(),
            Self::Disk(spool) => spool.len(),
        }
    }

    /// A batch is settled.
    pub(super) fn remove(&mut self, ticket: u64) -> io::Result<()> {
        match self {
            Self::Memory(memory) => {
                memory.batches.remove(&ticket);
                Ok(())
            }
            Self::Disk(spool) => spool.done(ticket),
        }
    }

    /// Whether a batch still waits, or is on its way.
    pub(super) fn contains(&self, ticket: u64) -> bool {
        match self {
            Self::Memory(memory) => memory.batches.contains_key(&ticket),
            Self::Disk(spool) => spool.get(ticket).is_some(),
        }
    }

    pub(super) fn position(&self) -> Position {
        match self {
            Self::Memory(memory) => memory.next,
            Self::Disk(spool) => spool.position(),
        }
    }

    pub(super) fn load(&mut self, ticket: u64) -> io::Result<Option<Sealed>> {
        match self {
            Self::Memory(memory) => Ok(memory.batches.get(&ticket).cloned()),
            Self::Disk(spool) => spool.load(ticket),
        }
    }
}

impl Memory {
    /// Room for so many batches, in a stream of its own.
    pub(super) fn new(capacity: usize) -> Self {
        let next = Position {
            stream: Uuid::now_v7(),
            seq: 0,
        };
        Self {
            capacity,
            next,
            batches: BTreeMap::new(),
        }
    }

    pub(super) fn drop_oldest(&mut self, spare: &BTreeMap<u64, Count>) -> Option<Count> {
        let oldest = *self.batches.keys().find(|ticket| !spare.contains_key(ticket))?;
        self.batches.remove(&oldest).map(|sealed| sealed.count)
    }

    pub(super) fn push(&mut self, sealed: Sealed) -> u64 {
        let ticket = self.next.seq;
        self.next.seq += 1;
        self.batches.insert(ticket, sealed);
        ticket
    }
}
