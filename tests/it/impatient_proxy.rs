//! Requests that are held behind a proxy that gives up as nginx does: when the server sends nothing for 60 s.

use std::{process::Stdio, time::Duration};

use futures_util::future::join_all;
use serde_json::Value;
use shared::testing::free_port;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    time::{Instant, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::harness::{PATIENCE, Process, System, chapter, long_forms};

/// Requests at once.
const HELD: usize = 4;
/// The long form asks for more than is held; the short one has a proxy that gives up ten times as soon.
const LONG: Form = Form { wait: 60, held: 55 };
const SHORT: Form = Form { wait: 5, held: 5 };
const SHORT_READ_TIMEOUT: Duration = Duration::from_secs(6);

/// For how long is asked, and for how long the request is held, in seconds.
struct Form {
    wait: u64,
    held: u64,
}

/// nginx with its defaults, `proxy_read_timeout 60s` among them.
fn nginx(folder: &TempDir, port: u16, api: &Process) -> Child {
    let path = folder.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|of| format!("{of}_temp_path {path}/{of};\n"))
        .concat();
    let settings = format!(
        "daemon off;\nmaster_process off;\npid {path}/pid;\nerror_log {path}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\
         server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{}; }} }}\n}}\n",
        api.port()
    );
    let file = folder.path().join("nginx.conf");
    std::fs::write(&file, settings).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).arg("-e").arg(folder.path().join("error.log")).arg("-p").arg(folder.path());
    command.stdin(Stdio::null()).kill_on_drop(true).spawn().expect("nginx: ./check --full installs it")
}

/// Answers 504 in the server's place when it sends nothing for `read_timeout`. It ends with what is returned.
async fn impatient_proxy(api: &Process, read_timeout: Duration) -> (u16, DropGuard) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let (port, server) = (listener.local_addr().unwrap().port(), api.port());
    let (end, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (ended, connections) = (end.clone(), tasks.clone());
    tasks.spawn(end.clone().run_until_cancelled_owned(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            connections.spawn(ended.clone().run_until_cancelled_owned(pass(client, server, read_timeout)));
        }
    }));
    (port, end.drop_guard())
}

async fn pass(client: TcpStream, server: TcpStream, read_timeout: Duration) {
    let ((mut asked, mut answer), (mut from_server, mut to_server)) = (client.into_split(), server.into_split());
    let asking = tokio::io::copy(&mut asked, &mut to_server);
    let answering = async {
        let mut piece = [0; 4096];
        loop {
            match timeout(read_timeout, from_server.read(&mut piece)).await {
                Ok(Ok(count)) if count > 0 => answer.write_all(&piece[..count]).await.unwrap(),
                Ok(_) => return,
                Err(_) => {
                    let late = b"HTTP/1.1 504 Gateway Time-out\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                    return answer.write_all(late).await.unwrap();
                }
            }
        }
    };
    tokio::select! {
        _ = asking => {}
        () = answering => {}
    }
}

#[tokio::test]
async fn a_wait_is_answered_before_the_proxy_gives_up() {
    let system = System::new().await;
    // Without a worker: the job waits for as long as anybody waits for it.
    let api = system.api().await;
    let id = system.submit(&api, &chapter(1, 1)).await;
    let folder = TempDir::new().unwrap();
    let (form, port, _nginx, _proxy) = if long_forms() {
        let port = free_port().unwrap();
        (LONG, port, Some(nginx(&folder, port, &api)), None)
    } else {
        let (port, proxy) = impatient_proxy(&api, SHORT_READ_TIMEOUT).await;
        (SHORT, port, None, Some(proxy))
    };
    let health = format!("http://127.0.0.1:{port}/api/health");
    let listens = async { while system.http.get(&health).send().await.is_err() {} };
    timeout(PATIENCE, listens).await.expect("the proxy listens");

    let url = format!("http://127.0.0.1:{port}/api/v1/jobs/{id}?wait={}", form.wait);
    let asked = Instant::now();
    let answers = join_all((0..HELD).map(|_| system.http.get(&url).send())).await;
    let held = asked.elapsed();
    for answer in answers {
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200, "after {held:?}");
        assert_eq!(answer.json::<Value>().await.unwrap()["state"], "waiting");
    }
    let wanted = Duration::from_secs(form.held);
    assert!((wanted..wanted + Duration::from_secs(2)).contains(&held), "held for {held:?}");
}
