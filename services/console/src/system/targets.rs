//! Whom to ask.

use std::str::FromStr;

/// An instance of a service, and the address of its admin listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `ingest-api`
    pub service: String,
    /// `http://127.0.0.1:21101`
    pub address: String,
}

impl FromStr for Target {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "must look like ingest-api=http://127.0.0.1:21101";
        let (service, address) = text.trim().split_once('=').ok_or(FORM)?;
        let address = address.trim_end_matches('/');
        let host = address.strip_prefix("http://").ok_or(FORM)?;
        if service.is_empty() || host.is_empty() {
            return Err(FORM);
        }
        Ok(Self {
            service: service.to_owned(),
            address: address.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_service_at_an_address() {
        let target: Target = " worker=http://worker:21181/ ".parse().unwrap();
        assert_eq!(
            (target.service.as_str(), target.address.as_str()),
            ("worker", "http://worker:21181")
        );
        for wrong in ["", "worker", "worker=", "=http://x", "worker=x:1", "worker=http://"] {
            wrong.parse::<Target>().unwrap_err();
        }
    }
}
