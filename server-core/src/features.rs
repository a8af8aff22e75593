//! What is offered, before login and after it.

use protocol::disco::Info;
use protocol::scram::ScramHash;
use protocol::{Element, bind, bind2, csi, fast, ns, register, retract, s11, sasl, sasl2, sm};

use crate::limits::ServerConfig;

/// The SASL mechanisms, the best first.
pub(crate) fn mechanisms(config: &ServerConfig) -> Vec<&'static str> {
    let scram = ScramHash::ALL.map(ScramHash::mechanism);
    scram
        .into_iter()
        .chain(config.allow_plain.then_some("PLAIN"))
        .collect()
}

/// Stream features of a stranger; the same for every claimed address (AU-02).
pub(crate) fn before_login(config: &ServerConfig) -> Vec<Element> {
    let mechanisms = mechanisms(config);
    let inline = [sm::feature(), bind2::feature(&ENABLES), fast::feature()];
    let mut features = vec![
        sasl::mechanisms(&mechanisms),
        sasl2::feature(&mechanisms, inline),
    ];
    features.extend(register::features(config.open_registration));
    features.push(limits(config.limits.stanza_bytes_before_login));
    features
}

/// What can be enabled with a binding.
const ENABLES: [&str; 5] = [ns::SM, ns::CSI, ns::CARBONS, ns::MR2, ns::S11];

/// Stream features of a known account without a session.
pub(crate) fn after_login(config: &ServerConfig) -> Vec<Element> {
    let mut features = vec![
        bind::feature(),
        Element::new("session", ns::SESSION).child(Element::new("optional", ns::SESSION)),
        sm::feature(),
        Element::new("mr2", ns::MR2),
        s11::feature(),
    ];
    features.extend(lasting(config));
    features
}

/// Stream features of a session that was bound inline: nothing that is settled already (BI-08).
pub(crate) fn after_binding(config: &ServerConfig, has_sm: bool) -> Vec<Element> {
    let sm = (!has_sm).then(sm::feature);
    sm.into_iter().chain(lasting(config)).collect()
}

/// What every session of a known account may use.
fn lasting(config: &ServerConfig) -> Vec<Element> {
    vec![
        csi::feature(),
        Element::new("ver", ns::ROSTER_VER),
        Element::new("sub", ns::PRE_APPROVAL),
        caps(),
        limits(config.limits.stanza_bytes),
    ]
}

/// XEP-0478.
fn limits(max_bytes: usize) -> Element {
    let max_bytes = Element::new("max-bytes", ns::STREAM_LIMITS).text(max_bytes.to_string());
    let idle = Element::new("idle-seconds", ns::STREAM_LIMITS).text("60");
    Element::new("limits", ns::STREAM_LIMITS)
        .child(max_bytes)
        .child(idle)
}

/// DI-04.
fn caps() -> Element {
    Element::new("c", ns::CAPS)
        .attr("hash", "sha-1")
        .attr("node", "urn:x-balcony")
        .attr("ver", server_info().caps_ver())
}

/// What the server itself is.
pub(crate) fn server_info() -> Info {
    Info {
        identities: vec![("server", "im", "Balcony")],
        features: vec![
            ns::DISCO_INFO,
            ns::DISCO_ITEMS,
            ns::PING,
            ns::BLOCKING,
            ns::VERSION,
            ns::CARBONS,
            ns::CARBONS_RULES,
            ns::SESSION,
            ns::COMMANDS,
        ],
    }
}

/// What an account is, for its owner and for those who see its presence.
pub(crate) fn account_info(own: bool) -> Info {
    let identities = vec![("account", "registered", ""), ("pubsub", "pep", "")];
    let mut features = match own {
        true => vec![
            ns::DISCO_INFO,
            ns::DISCO_ITEMS,
            ns::PING,
            ns::MAM,
            "urn:xmpp:mam:2#extended",
            "urn:xmpp:mam:2#groupchat-field",
            ns::SID,
            ns::S11,
            ns::MDS_ASSIST,
            ns::RETRACT,
            retract::TOMBSTONE,
        ],
        false => vec![ns::DISCO_INFO, ns::DISCO_ITEMS],
    };
    features.push(ns::PUBSUB);
    features.extend(PEP);
    Info {
        identities,
        features,
    }
}

/// What of publish-subscribe an account offers (PE-01).
const PEP: [&str; 23] = [
    "http://jabber.org/protocol/pubsub#access-open",
    "http://jabber.org/protocol/pubsub#access-presence",
    "http://jabber.org/protocol/pubsub#access-roster",
    "http://jabber.org/protocol/pubsub#access-whitelist",
    "http://jabber.org/protocol/pubsub#auto-create",
    "http://jabber.org/protocol/pubsub#auto-subscribe",
    "http://jabber.org/protocol/pubsub#config-node",
    "http://jabber.org/protocol/pubsub#config-node-max",
    "http://jabber.org/protocol/pubsub#create-and-configure",
    "http://jabber.org/protocol/pubsub#create-nodes",
    "http://jabber.org/protocol/pubsub#delete-items",
    "http://jabber.org/protocol/pubsub#delete-nodes",
    "http://jabber.org/protocol/pubsub#filtered-notifications",
    "http://jabber.org/protocol/pubsub#item-ids",
    "http://jabber.org/protocol/pubsub#last-published",
    "http://jabber.org/protocol/pubsub#multi-items",
    "http://jabber.org/protocol/pubsub#persistent-items",
    "http://jabber.org/protocol/pubsub#publish",
    "http://jabber.org/protocol/pubsub#publish-options",
    "http://jabber.org/protocol/pubsub#purge-nodes",
    "http://jabber.org/protocol/pubsub#retract-items",
    "http://jabber.org/protocol/pubsub#retrieve-items",
    "http://jabber.org/protocol/pubsub#rsm",
];
