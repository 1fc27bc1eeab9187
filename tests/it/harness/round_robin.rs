//! A proxy before several replicas, as a platform has it: each connection goes to the next one.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Process;

/// A proxy, which ends with this value.
pub(crate) struct RoundRobin {
    port: u16,
    stop: CancellationToken,
}

impl RoundRobin {
    /// Stands before `replicas`.
    pub(crate) async fn before(replicas: &[&Process]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let replicas: Vec<_> =
            replicas.iter().map(|replica| SocketAddr::from((Ipv4Addr::LOCALHOST, replica.port()))).collect();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (stopped, connections) = (stop.clone(), tasks.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(async move {
            for replica in replicas.iter().cycle() {
                let (mut client, _) = listener.accept().await.unwrap();
                let Ok(mut server) = TcpStream::connect(replica).await else { continue };
                connections.spawn(stopped.clone().run_until_cancelled_owned(async move {
                    // Who of the two closed it first is their matter.
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }));
            }
        }));
        Self { port, stop }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for RoundRobin {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
