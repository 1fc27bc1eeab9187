//! What limits of several requests have in common, told to a script once.

use std::time::Duration;

use super::RequestLimit;
use crate::redis::{ScriptCall, millis};

/// The limits of requests but for whose they are, in the form in which `windows.lua` reads them.
pub(crate) struct LimitKinds(Vec<Kind>);

type Kind = (&'static str, u32, Duration);

fn kind(limit: &RequestLimit) -> Kind {
    (limit.name, limit.most, limit.window)
}

impl LimitKinds {
    /// Each of them once.
    pub(crate) fn of<'a>(limits: impl IntoIterator<Item = &'a RequestLimit>) -> Self {
        let mut kinds = Vec::new();
        for kind in limits.into_iter().map(kind) {
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Self(kinds)
    }

    /// How many there are, and each.
    pub(crate) fn tell(&self, call: &mut ScriptCall<'_>) {
        call.arg(self.0.len());
        for (name, most, window) in &self.0 {
            call.arg(*name).arg(*most).arg(millis(*window));
        }
    }

    /// What one request counts against: for each limit its number, and whose it is.
    pub(crate) fn tell_subjects(&self, call: &mut ScriptCall<'_>, limits: &[RequestLimit]) {
        for limit in limits {
            let number = self.0.iter().position(|known| *known == kind(limit)).map_or(0, |n| n + 1);
            call.arg(number).arg(&limit.subject);
        }
    }
}
