//! A stop that nobody can hold up, on real sockets.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::app::App;
use crate::serve;

async fn connect(port: u16, bytes: &str) -> TcpStream {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    connection.write_all(bytes.as_bytes()).await.unwrap();
    connection
}

async fn read_status(connection: &mut TcpStream) -> String {
    let mut start = [0; 12];
    connection.read_exact(&mut start).await.unwrap();
    String::from_utf8_lossy(&start).into_owned()
}

#[tokio::test]
async fn finishes_the_requests_that_run_and_waits_for_no_idle_connection() {
    let app = App::without_redis().await;
    let listener = shared::listen::listen(0).unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = async {
        let silent = connect(port, "").await;
        let half = connect(port, "GET /api/health HTTP/1.1\r\nho").await;
        let mut kept = connect(port, "GET /api/health HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(read_status(&mut kept).await, "HTTP/1.1 200");
        let head = "POST /api/v1/flashcards HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
            content-length: 2\r\nexpect: 100-continue\r\n\r\n";
        let mut running = connect(port, head).await;
        // The server asks for the body: the request runs.
        assert_eq!(read_status(&mut running).await, "HTTP/1.1 100");
        let mut blank = [0; 13];
        running.read_exact(&mut blank).await.unwrap();
        app.lifecycle.drain().cancel();
        running.write_all(b"{}").await.unwrap();
        assert_eq!(read_status(&mut running).await, "HTTP/1.1 400");
        (silent, half, kept)
    };
    let stopped = async { tokio::join!(serve(listener, app.state.clone(), &app.lifecycle), client) };
    let (served, connections) = timeout(Duration::from_secs(5), stopped).await.expect("the stop is held up");
    served.unwrap();
    // They were open until now.
    drop(connections);
}
