//! Which port each program gets.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::Context;

/// How far above the wanted port a free one is looked for.
const SPAN: u16 = 200;

/// Hands out ports, each once.
#[derive(Debug, Default)]
pub(super) struct Ports {
    given: Vec<u16>,
}

impl Ports {
    /// The first port from `wanted` upwards that nobody listens on and that was not handed out before.
    ///
    /// Somebody else may still take it before the program does; the program then ends, and its log says why.
    pub(super) fn pick(&mut self, wanted: u16) -> anyhow::Result<u16> {
        let port = (wanted..=wanted.saturating_add(SPAN))
            .find(|port| !self.given.contains(port) && is_free(*port))
            .with_context(|| format!("no port from {wanted} upwards is free"))?;
        self.given.push(port);
        Ok(port)
    }
}

/// Whether it can be listened on as our servers do. Some systems let a wildcard and a loopback listener share a port, so
/// nobody may answer there either.
fn is_free(port: u16) -> bool {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    shared::listen::listen(port).is_ok() && TcpStream::connect_timeout(&loopback, Duration::from_millis(200)).is_err()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_passed_over_and_none_is_given_twice() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let wanted = taken.local_addr().unwrap().port();
        let mut ports = Ports::default();
        let first = ports.pick(wanted).unwrap();
        let second = ports.pick(wanted).unwrap();
        assert!(wanted < first && first < second, "{wanted} {first} {second}");
    }
}
