//! Places for what a client keeps open: requests that wait for a job, event streams, and bodies on their way.
//!
//! [`Room`](crate::middleware::Room) bounds all of them together; these bounds keep one user or one address from having all
//! of that. Each replica counts its own.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{error::ApiError, extract::ClientAddress};

/// Who keeps requests open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// A user whom a token proves, or whom a server may act for.
    User(String),
    /// A server that asks for itself, by the name of its key: it asks for many at once.
    Server(String),
    /// All callers from an address whom nothing proves.
    Address(String),
}

impl From<ClientAddress> for Holder {
    fn from(address: ClientAddress) -> Self {
        Self::Address(address.limit_key())
    }
}

/// Counts the places that each holder has; who has none is not listed. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct HeldPlaces(Arc<Places>);

#[derive(Debug)]
struct Places {
    per_user: u32,
    per_address: u32,
    taken: Mutex<HashMap<Holder, u32>>,
}

/// A place. It is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct HeldPlace {
    places: Arc<Places>,
    /// `None` where there is no limit.
    holder: Option<Holder>,
}

impl HeldPlaces {
    /// Places for each user, and for each address and server; 0 is no limit.
    pub(crate) fn new(per_user: u32, per_address: u32) -> Self {
        Self(Arc::new(Places { per_user, per_address, taken: Mutex::default() }))
    }

    /// A place for the holder, or 429 where it has all that it may have.
    pub(crate) fn take(&self, holder: Holder) -> Result<HeldPlace, ApiError> {
        let (most, whose) = match &holder {
            Holder::User(_) => (self.0.per_user, "you"),
            Holder::Server(_) => (self.0.per_address, "this key"),
            Holder::Address(_) => (self.0.per_address, "your address"),
        };
        let places = Arc::clone(&self.0);
        if most == 0 {
            return Ok(HeldPlace { places, holder: None });
        }
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(holder.clone()).or_default();
        if *count >= most {
            return Err(ApiError::too_many_held(most, whose));
        }
        *count += 1;
        drop(taken);
        Ok(HeldPlace { places, holder: Some(holder) })
    }
}

impl Drop for HeldPlace {
    fn drop(&mut self) {
        let Some(holder) = self.holder.take() else { return };
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = taken.entry(holder) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_places_of_its_own_and_gets_them_back() {
        let places = HeldPlaces::new(2, 1);
        let user = |name: &str| places.take(Holder::User(name.to_owned()));
        let first = user("ada").unwrap();
        let _second = user("ada").unwrap();
        assert_eq!(user("ada").unwrap_err().code(), "too_many_held_requests");
        let _other = user("bob").unwrap();
        let address = places.take(Holder::Address("ada".to_owned())).unwrap();
        assert!(places.take(Holder::Address("ada".to_owned())).is_err());
        drop(first);
        let again = user("ada").unwrap();
        drop((again, address));
        assert_eq!(places.0.taken.lock().unwrap().len(), 2, "holders without a place are not listed");
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let places = HeldPlaces::new(0, 0);
        let _held: Vec<_> = (0..100).map(|_| places.take(Holder::User("ada".to_owned())).unwrap()).collect();
        assert!(places.0.taken.lock().unwrap().is_empty());
    }
}
