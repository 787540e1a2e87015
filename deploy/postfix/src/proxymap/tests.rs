//! The client beside a service that a test plays.

use super::*;
use std::io::Read;
use std::os::unix::net::UnixListener;

const PATIENCE: Duration = Duration::from_secs(20);

struct Service {
    _folder: tempfile::TempDir,
    listener: UnixListener,
    client: Arc<Proxymap>,
}

fn service(idle: Duration) -> Service {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("proxymap");
    let listener = UnixListener::bind(&socket).unwrap();
    let release = Release::of_version("3.7.11").unwrap();
    let way = Way { release, socket, patience: PATIENCE, idle, life: PATIENCE };
    Service { _folder: folder, listener, client: Arc::new(Proxymap::new(way)) }
}

/// Greets one client and gives these answers, each to one question; what was asked comes back.
fn conversation(listener: &UnixListener, answers: &[&str]) -> Vec<String> {
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"protocol\0proxymap_protocol\0\0").unwrap();
    let mut buffer = [0; 4096];
    let asked = answers.iter().map(|answer| {
        let count = stream.read(&mut buffer).unwrap();
        stream.write_all(answer.replace('|', "\0").as_bytes()).unwrap();
        String::from_utf8_lossy(&buffer[..count]).replace('\0', "|")
    });
    asked.collect()
}

fn spec() -> TableSpec {
    TableSpec::parse("proxy:mysql:/etc/x").unwrap()
}

#[test]
fn a_table_is_opened_once_and_asked_over_one_connection() {
    let Service { listener, client, _folder } = service(PATIENCE);
    let server = std::thread::spawn(move || {
        let answers =
            ["status|0|flags|32||", "status|0|value|v w||", "status|1|value|||", "status|2|value|||"];
        conversation(&listener, &answers)
    });
    let table = client.open(&spec()).unwrap();
    assert!(table.wants_whole_keys());
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("v w"));
    assert_eq!(table.lookup("b").unwrap(), None);
    let error = table.lookup("c").unwrap_err().to_string();
    assert_eq!(error, "table proxy:mysql:/etc/x: lookup of \"c\" failed: lookup error");
    let asked = server.join().unwrap();
    assert_eq!(asked[0], "request|open|table|mysql:/etc/x|flags|0||");
    assert_eq!(asked[1], "request|lookup|table|mysql:/etc/x|flags|540736|key|a||");
}

#[test]
fn a_table_that_the_service_does_not_open_is_refused() {
    let Service { listener, client, _folder } = service(PATIENCE);
    let server = std::thread::spawn(move || conversation(&listener, &["status|4|flags|0||"]));
    let error = client.open(&spec()).unwrap_err();
    assert_eq!(error.to_string(), "proxymap service is not configured for table \"mysql:/etc/x\"");
    server.join().unwrap();
}

#[test]
fn a_service_that_hung_up_is_asked_again_by_a_new_connection() {
    let Service { listener, client, _folder } = service(PATIENCE);
    let server = std::thread::spawn(move || {
        let first = conversation(&listener, &["status|0|flags|16||", "status|0|value|one||"]);
        (first, conversation(&listener, &["status|0|value|two||"]))
    });
    let table = client.open(&spec()).unwrap();
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("one"));
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("two"));
    let (_, second) = server.join().unwrap();
    assert!(second[0].starts_with("request|lookup|"), "opened once: {second:?}");
}

#[test]
fn a_connection_that_was_idle_is_not_used_again() {
    let Service { listener, client, _folder } = service(Duration::ZERO);
    let server = std::thread::spawn(move || {
        conversation(&listener, &["status|0|flags|16||"]);
        conversation(&listener, &["status|0|value|v||"])
    });
    let table = client.open(&spec()).unwrap();
    assert_eq!(table.lookup("a").unwrap().as_deref(), Some("v"));
    server.join().unwrap();
}

#[test]
fn without_the_service_tables_open_and_have_no_answer() {
    let Service { listener, client, _folder } = service(PATIENCE);
    std::fs::remove_file(&client.way.socket).unwrap();
    let table = client.open(&spec()).unwrap();
    assert!(table.lookup("a").unwrap_err().reason.contains("No such file"));
    drop(listener);
}

#[test]
fn another_server_is_not_taken_for_it() {
    let Service { listener, client, _folder } = service(PATIENCE);
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"protocol\0connection_cache_protocol\0\0").unwrap();
    });
    assert!(client.ask(b"\0").is_err());
    server.join().unwrap();
}

#[test]
fn a_service_that_takes_nobody_is_waited_for_no_longer_than_for_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("proxymap");
    let listener = UnixListener::bind(&socket).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _waiting = UnixStream::connect(&socket).unwrap();
    let (release, patience) = (Release::of_version("3.7.11").unwrap(), Duration::from_millis(50));
    let client = Arc::new(Proxymap::new(Way { release, socket, patience, idle: PATIENCE, life: PATIENCE }));
    let error = client.open(&spec()).unwrap().lookup("a").unwrap_err().to_string();
    assert!(error.contains("has too many others waiting"), "{error}");
}
