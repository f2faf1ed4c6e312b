//! What TLS is told: which keys are shown and which are accepted.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{
    CertificateDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError,
    PeerIncompatible, ServerConfig, SignatureScheme,
};

use super::super::identity::{Identity, PublicIdentity, Trust};
use crate::error::ChannelFault;

/// The protocol's name in TLS (ALPN).
pub(super) const PROTOCOL: &[u8] = b"blindmatch/1";

/// Both roles of one side.
pub(super) fn configs(
    identity: &Identity,
    trust: &Trust,
) -> Result<(ClientConfig, ServerConfig), Error> {
    configs_for(shown_key(identity.public(), identity)?, trust)
}

fn configs_for(key: CertifiedKey, trust: &Trust) -> Result<(ClientConfig, ServerConfig), Error> {
    let provider = Arc::new(ring::default_provider());
    let key = Arc::new(key);
    let pinned = Arc::new(Pinned::new(trust, &provider));

    let mut client = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13])?
        .dangerous() // no certificate authorities: `Pinned` takes their place
        .with_custom_certificate_verifier(Arc::clone(&pinned) as _)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(Arc::clone(
            &key,
        ))));
    client.alpn_protocols = vec![PROTOCOL.to_vec()];
    client.enable_sni = false;
    client.enable_early_data = false;
    client.resumption = Resumption::disabled();

    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(pinned)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key)));
    server.alpn_protocols = vec![PROTOCOL.to_vec()];
    server.send_tls13_tickets = 0;
    server.max_early_data_size = 0;
    server.session_storage = Arc::new(NoServerSessionStorage {});
    Ok((client, server))
}

/// A raw public key, with the private key that is to prove it.
fn shown_key(public: &PublicIdentity, private: &Identity) -> Result<CertifiedKey, Error> {
    let signing = ring::sign::any_eddsa_type(&PrivatePkcs8KeyDer::from(private.pkcs8()))?;
    Ok(CertifiedKey::new(vec![CertificateDer::from(public.spki())], signing))
}

/// Accepts the keys of a [`Trust`] and nothing else.
#[derive(Debug)]
struct Pinned {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    fn new(trust: &Trust, provider: &CryptoProvider) -> Pinned {
        let algorithms = provider.signature_verification_algorithms;
        Pinned { trust: trust.clone(), algorithms }
    }

    fn check(&self, spki: &[u8], others: &[CertificateDer<'_>]) -> Result<(), Error> {
        let key = PublicIdentity::from_spki(spki).filter(|_| others.is_empty());
        let key = key.ok_or(CertificateError::BadEncoding)?;
        if self.trust.knows(&key) {
            return Ok(());
        }
        let stranger = ChannelFault::Stranger { key: key.fingerprint() };
        Err(CertificateError::Other(OtherError(Arc::new(stranger))).into())
    }

    /// The proof that the peer holds the private key: its signature over the handshake so far.
    fn check_proof(
        &self,
        message: &[u8],
        spki: &[u8],
        proof: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let spki = SubjectPublicKeyInfoDer::from(spki);
        verify_tls13_signature_with_raw_key(message, &spki, proof, &self.algorithms)
    }
}

fn refuse_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(PeerIncompatible::ServerDoesNotSupportTls12Or13.into())
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(key, others).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refuse_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        proof: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_proof(message, key, proof)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(key, others).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        refuse_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        proof: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_proof(message, key, proof)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use rustls::{ClientConnection, Connection, PeerIncompatible, ServerConnection};

    use super::*;

    /// Both ends of a handshake in memory; what each found.
    fn shake(client: ClientConfig, server: ServerConfig) -> [Result<(), Error>; 2] {
        let name = ServerName::try_from("blindmatch.invalid").unwrap();
        let mut sides: [Connection; 2] = [
            ClientConnection::new(Arc::new(client), name).unwrap().into(),
            ServerConnection::new(Arc::new(server)).unwrap().into(),
        ];
        let mut found = [Ok(()), Ok(())];
        for _ in 0..4 {
            for from in [0, 1] {
                let mut bytes = Vec::new();
                super::super::link::take_records(&mut sides[from], &mut bytes);
                let (mut rest, to) = (&bytes[..], 1 - from);
                while !rest.is_empty() && found[to].is_ok() {
                    sides[to].read_tls(&mut rest).unwrap();
                    found[to] = sides[to].process_new_packets().map(drop);
                }
            }
        }
        found
    }

    fn configs_of(
        shown: &PublicIdentity,
        held: &Identity,
        trusted: &Identity,
    ) -> (ClientConfig, ServerConfig) {
        let trust = Trust::new([trusted.public().clone()]).unwrap();
        configs_for(shown_key(shown, held).unwrap(), &trust).unwrap()
    }

    #[test]
    fn a_trusted_key_without_its_private_half_is_refused() {
        let [ann, bob, eve] = [(); 3].map(|()| Identity::generate());
        let of_ann = || configs_of(ann.public(), &ann, &bob);
        let of_bob = || configs_of(bob.public(), &bob, &ann);
        let of_eve = || configs_of(bob.public(), &eve, &ann); // shows Bob's key

        assert_eq!(shake(of_ann().0, of_bob().1), [Ok(()), Ok(())]);
        let forged = CertificateError::BadSignature;
        let [at_ann, _] = shake(of_ann().0, of_eve().1);
        assert_eq!(at_ann, Err(Error::InvalidCertificate(forged.clone())));
        let [_, at_ann] = shake(of_eve().0, of_ann().1);
        assert_eq!(at_ann, Err(Error::InvalidCertificate(forged)));
    }

    #[test]
    fn a_client_that_shows_no_key_is_refused() {
        let [ann, bob] = [(); 2].map(|()| Identity::generate());
        let (_, server) = configs_of(ann.public(), &ann, &bob);
        let provider = Arc::new(ring::default_provider());
        let pinned = Pinned::new(&Trust::new([ann.public().clone()]).unwrap(), &provider);
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(pinned))
            .with_no_client_auth();
        client.alpn_protocols = vec![PROTOCOL.to_vec()];
        let [_, at_server] = shake(client, server);
        let refusal = PeerIncompatible::IncorrectCertificateTypeExtension;
        assert_eq!(at_server, Err(Error::PeerIncompatible(refusal)));
    }
}
