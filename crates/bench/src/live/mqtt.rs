//! As much of MQTT 3.1.1 as it takes to publish and to read at quality 0.

use anyhow::{Context, Result, ensure};

/// RabbitMQ makes it the routing key `live.bench` of the exchange `amq.topic`.
pub(super) const TOPIC: &str = "live/bench";

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;

/// Who connects.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) password: String,
}

/// What a broker sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    Accepted,
    Subscribed,
    Published(&'a [u8]),
    Other,
}

/// Opens a session that ends with its connection; a name for the client is chosen by the broker.
pub(super) fn connect(account: &Account) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    text(&mut body, "MQTT")?;
    let (level, flags, keep_alive) = (4, 0b1100_0010, [0, 0]);
    body.extend([level, flags]);
    body.extend(keep_alive);
    for field in ["", &account.name, &account.password] {
        text(&mut body, field)?;
    }
    packet(CONNECT, &body)
}

pub(super) fn subscribe(topic: &str) -> Result<Vec<u8>> {
    let mut body = vec![0, 1]; // the packet's number
    text(&mut body, topic)?;
    body.push(0); // the quality
    packet(SUBSCRIBE, &body)
}

pub(super) fn publish(topic: &str, payload: &[u8]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    text(&mut body, topic)?;
    body.extend(payload);
    packet(PUBLISH, &body)
}

fn text(body: &mut Vec<u8>, text: &str) -> Result<()> {
    body.extend(u16::try_from(text.len())?.to_be_bytes());
    body.extend(text.as_bytes());
    Ok(())
}

fn packet(kind: u8, body: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = vec![kind];
    let mut length = body.len();
    ensure!(length < 1 << 28, "too large for MQTT");
    loop {
        let digit = u8::try_from(length % 128)?;
        length /= 128;
        bytes.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            break;
        }
    }
    bytes.extend(body);
    Ok(bytes)
}

/// The packet at the start of `bytes`, and what follows it.
pub(super) fn split(bytes: &[u8]) -> Result<(Packet<'_>, &[u8])> {
    let incomplete = "a part of an MQTT packet";
    let (&kind, mut rest) = bytes.split_first().context(incomplete)?;
    let mut length = 0;
    for place in 0..4 {
        let (&digit, more) = rest.split_first().context(incomplete)?;
        rest = more;
        length |= usize::from(digit & 0x7f) << (7 * place);
        if digit & 0x80 == 0 {
            break;
        }
    }
    let (body, rest) = rest.split_at_checked(length).context(incomplete)?;
    Ok((read(kind, body)?, rest))
}

fn read(kind: u8, body: &[u8]) -> Result<Packet<'_>> {
    Ok(match kind & 0xf0 {
        CONNACK => {
            ensure!(body.get(1) == Some(&0), "the broker refuses the connection: {body:?}");
            Packet::Accepted
        }
        SUBACK => {
            ensure!(
                body.get(2).is_some_and(|code| *code < 0x80),
                "the broker refuses the subscription"
            );
            Packet::Subscribed
        }
        PUBLISH => {
            let (length, after) = body.split_first_chunk().context("a publication without a topic")?;
            let payload = after.get(usize::from(u16::from_be_bytes(*length))..);
            Packet::Published(payload.context("a publication without a topic")?)
        }
        _ => Packet::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publications_are_read_as_they_were_written() {
        for size in [0, 100, 127, 128, 20_000] {
            let payload = vec![b'x'; size];
            let mut bytes = publish("live/bench", &payload).unwrap();
            let whole = bytes.len();
            bytes.extend([SUBACK, 3, 0, 1, 0]);
            let (found, rest) = split(&bytes).unwrap();
            assert_eq!(found, Packet::Published(&payload));
            assert_eq!(split(rest).unwrap(), (Packet::Subscribed, &[][..]));
            assert!(split(&bytes[..whole - 1]).is_err(), "cut off");
        }
    }

    #[test]
    fn refusals_are_errors() {
        assert_eq!(split(&[CONNACK, 2, 0, 0]).unwrap().0, Packet::Accepted);
        assert!(split(&[CONNACK, 2, 0, 5]).is_err());
        assert!(split(&[SUBACK, 3, 0, 1, 0x80]).is_err());
        assert_eq!(split(&[0xd0, 0]).unwrap().0, Packet::Other);
    }

    #[test]
    fn a_connection_names_its_account() {
        let account = Account {
            name: "north".to_owned(),
            password: "secret".to_owned(),
        };
        let bytes = connect(&account).unwrap();
        assert_eq!(usize::from(bytes[1]), bytes.len() - 2);
        assert!(bytes.ends_with(b"\0\x05north\0\x06secret"));
    }
}
