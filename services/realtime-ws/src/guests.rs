//! How many sockets there may be: altogether, for one token, and for one address.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// The largest numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuestLimits {
    pub(crate) all: u32,
    pub(crate) per_token: u32,
    pub(crate) per_address: u32,
}

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    House,
    Token(u32),
    Address(u32),
}

/// Who is here.
pub(crate) struct Guests {
    limits: GuestLimits,
    present: Mutex<Present>,
}

#[derive(Default)]
struct Present {
    all: u32,
    by_token: HashMap<u64, u32>,
    by_address: HashMap<IpAddr, u32>,
}

/// A place for one socket, free again when this is dropped.
pub(crate) struct Place {
    guests: Arc<Guests>,
    address: Option<IpAddr>,
    token: Option<u64>,
}

impl Guests {
    pub(crate) fn new(limits: GuestLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            present: Mutex::default(),
        })
    }

    /// A place for a socket from `address`, if that is known.
    pub(crate) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Place, Full> {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if present.all >= self.limits.all {
            return Err(Full::House);
        }
        if let Some(address) = address
            && !count(&mut present.by_address, address, self.limits.per_address)
        {
            return Err(Full::Address(self.limits.per_address));
        }
        present.all += 1;
        Ok(Place {
            guests: Arc::clone(self),
            address,
            token: None,
        })
    }
}

impl Place {
    /// Counts the socket for the token that it shows, instead of the one before.
    pub(crate) fn show(&mut self, token: u64) -> Result<(), Full> {
        if self.token == Some(token) {
            return Ok(());
        }
        let mut present = self.guests.present.lock().unwrap_or_else(PoisonError::into_inner);
        if !count(&mut present.by_token, token, self.guests.limits.per_token) {
            return Err(Full::Token(self.guests.limits.per_token));
        }
        if let Some(before) = self.token.replace(token) {
            uncount(&mut present.by_token, &before);
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut present = self.guests.present.lock().unwrap_or_else(PoisonError::into_inner);
        present.all -= 1;
        if let Some(address) = &self.address {
            uncount(&mut present.by_address, address);
        }
        if let Some(token) = &self.token {
            uncount(&mut present.by_token, token);
        }
    }
}

/// Counts one more, unless that is too many.
fn count<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: K, limit: u32) -> bool {
    let count = counts.entry(key).or_default();
    let fits = *count < limit;
    *count += u32::from(fits);
    fits
}

fn uncount<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guests(all: u32, per_token: u32, per_address: u32) -> Arc<Guests> {
        Guests::new(GuestLimits {
            all,
            per_token,
            per_address,
        })
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn a_place_is_free_again_when_its_guest_leaves() {
        let guests = guests(2, 9, 9);
        let one = guests.enter(Some(address(1))).ok().unwrap();
        let _two = guests.enter(None).ok().unwrap();
        assert_eq!(guests.enter(Some(address(2))).err(), Some(Full::House));
        drop(one);
        assert!(guests.enter(Some(address(2))).is_ok());
    }

    #[test]
    fn addresses_and_tokens_are_counted_each_for_itself() {
        let guests = guests(9, 1, 1);
        let mut one = guests.enter(Some(address(1))).ok().unwrap();
        assert_eq!(guests.enter(Some(address(1))).err(), Some(Full::Address(1)));
        let mut two = guests.enter(Some(address(2))).ok().unwrap();
        assert_eq!(one.show(7), Ok(()));
        assert_eq!(one.show(7), Ok(()), "the same again");
        assert_eq!(two.show(7), Err(Full::Token(1)));
        assert_eq!(one.show(8), Ok(()), "a new token in the place of the old one");
        assert_eq!(two.show(7), Ok(()));
        drop((one, two));
        let present = guests.present.lock().unwrap();
        assert!(present.all == 0 && present.by_token.is_empty() && present.by_address.is_empty());
    }
}
