//! What decides a call's cost beside its tokens.

/// What an answer says about its cost beside its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Billing {
    /// Tokens of the prompt that were read from the provider's cache.
    pub cached_tokens: u64,
    /// Those that were written into it.
    pub cache_write_tokens: u64,
    /// The tier that served the call.
    pub tier: ServiceTier,
    /// The cost in micro-dollars, where the provider says it.
    pub cost_micros: Option<u64>,
}

impl Billing {
    /// Nothing: the tokens decide.
    pub const NONE: Self =
        Self { cached_tokens: 0, cache_write_tokens: 0, tier: ServiceTier::Standard, cost_micros: None };
}

/// A tier of service, as its price goes.
///
/// <https://platform.openai.com/docs/guides/flex-processing>,
/// <https://platform.openai.com/docs/guides/priority-processing>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ServiceTier {
    /// The listed price.
    #[default]
    Standard,
    /// Half of it.
    Flex,
    /// Twice as much.
    Priority,
}

impl ServiceTier {
    /// The tier by its name in an answer; what is not known costs the listed price.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "flex" => Self::Flex,
            "priority" => Self::Priority,
            _ => Self::Standard,
        }
    }
}
