//! Dead letters as `requeue` and `dead` are told which ones are meant.

mod confirm;
mod filter;
mod groups;
mod look;
mod rate;
mod when;

pub(super) use self::{
    confirm::{Consent, confirm},
    filter::{Filter, FilterArgs},
    groups::Groups,
    look::{Found, Look, named},
    rate::{Pace, Rate},
};

/// All that was asked for was done.
pub(super) const DONE: u8 = 0;
/// Nothing matched, or not all of it could be done.
pub(super) const NOT_ALL: u8 = 3;
