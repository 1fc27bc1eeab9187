//! The one TLS implementation of a process.

use rustls::crypto::{CryptoProvider, ring};

/// Makes ring the process's cryptography, once; later calls change nothing.
///
/// The HTTP clients are built without a provider of their own (`rustls-no-provider`), so that aws-lc and its C compiler
/// stay out of the build. They panic where this was not called before the first of them:
/// <https://docs.rs/reqwest/latest/reqwest/#optional-features>.
pub fn install() {
    if CryptoProvider::get_default().is_none() {
        // An error says that another thread was faster, with the same provider.
        let _ = ring::default_provider().install_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_call_changes_nothing() {
        install();
        let first = CryptoProvider::get_default().map(std::sync::Arc::as_ptr);
        install();
        assert!(first.is_some());
        assert_eq!(CryptoProvider::get_default().map(std::sync::Arc::as_ptr), first);
    }
}
