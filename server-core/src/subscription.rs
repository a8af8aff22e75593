//! The subscription states of RFC 6121 appendix A, as one rule per stanza (RO-01).

use protocol::PresenceType;
use protocol::roster::Subscription;

use crate::records::Contact;

/// What a subscription stanza does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    /// The stanza goes on: to the contact if it is outbound, to the user's devices if it is inbound.
    pub(crate) passes: bool,
    /// The contact is answered `subscribed` in the user's name.
    pub(crate) auto_subscribed: bool,
}

#[derive(Clone, Copy)]
struct State {
    to: bool,
    asked: bool,
    from: bool,
    wanted: bool,
}

impl State {
    fn of(contact: &Contact) -> Self {
        let subscription = contact.item.subscription;
        Self {
            to: subscription.has_to(),
            asked: contact.item.ask,
            from: subscription.has_from(),
            wanted: contact.request.is_some(),
        }
    }

    fn write(self, contact: &mut Contact) {
        contact.item.subscription = Subscription::of(self.to, self.from);
        contact.item.ask = self.asked;
        if !self.wanted {
            contact.request = None;
        }
    }
}

/// The user sends a subscription stanza; a request that waits is taken from the contact when answered.
pub(crate) fn outbound(contact: &mut Contact, kind: PresenceType) -> Effect {
    let mut state = State::of(contact);
    let passes = match kind {
        PresenceType::Subscribe => {
            state.asked |= !state.to;
            contact.listed = true;
            true
        }
        PresenceType::Unsubscribe => {
            (state.to, state.asked) = (false, false);
            true
        }
        PresenceType::Subscribed if state.wanted => {
            (state.from, state.wanted) = (true, false);
            contact.listed = true;
            contact.item.approved = false;
            true
        }
        PresenceType::Subscribed => {
            contact.item.approved |= !state.from;
            contact.listed = true;
            false
        }
        PresenceType::Unsubscribed => {
            let passes = state.from || state.wanted;
            (state.from, state.wanted) = (false, false);
            contact.item.approved = false;
            passes
        }
        PresenceType::Available
        | PresenceType::Error
        | PresenceType::Probe
        | PresenceType::Unavailable => false,
    };
    state.write(contact);
    Effect {
        passes,
        auto_subscribed: false,
    }
}

/// The contact sends a subscription stanza; the caller keeps a request that passes.
pub(crate) fn inbound(contact: &mut Contact, kind: PresenceType) -> Effect {
    let mut state = State::of(contact);
    let mut effect = Effect::default();
    match kind {
        PresenceType::Subscribe if state.from => effect.auto_subscribed = true,
        PresenceType::Subscribe if contact.item.approved => {
            state.from = true;
            effect.auto_subscribed = true;
            contact.item.approved = false;
        }
        PresenceType::Subscribe => effect.passes = !state.wanted,
        PresenceType::Unsubscribe => {
            effect.passes = state.from || state.wanted;
            (state.from, state.wanted) = (false, false);
        }
        PresenceType::Subscribed => {
            effect.passes = state.asked;
            state.to |= state.asked;
            state.asked = false;
        }
        PresenceType::Unsubscribed => {
            effect.passes = state.to || state.asked;
            (state.to, state.asked) = (false, false);
        }
        PresenceType::Available
        | PresenceType::Error
        | PresenceType::Probe
        | PresenceType::Unavailable => {}
    }
    state.write(contact);
    effect
}

#[cfg(test)]
mod tests {
    use PresenceType::{Subscribe, Subscribed, Unsubscribe, Unsubscribed};
    use protocol::BareJid;
    use protocol::roster::Item;

    use super::*;

    /// The table of the contract: `*` marks a stanza that passes, `-` no change.
    const TABLE: [(&str, [&str; 4], [&str; 4]); 9] = [
        ("N", ["*N+o", "*-", "-", "-"], ["*N+i", "-", "-", "-"]),
        ("N+o", ["*-", "*N", "-", "-"], ["*N+o+i", "-", "*T", "*N"]),
        ("N+i", ["*N+o+i", "*-", "*F", "*N"], ["-", "*N", "-", "-"]),
        (
            "N+o+i",
            ["*-", "*N+i", "*F+o", "*N+o"],
            ["-", "*N+o", "*T+i", "*N+i"],
        ),
        ("T", ["*-", "*N", "-", "-"], ["*T+i", "-", "-", "*N"]),
        ("T+i", ["*-", "*N+i", "*B", "*T"], ["-", "*T", "-", "*N+i"]),
        ("F", ["*F+o", "*-", "-", "*N"], ["-", "*N", "-", "-"]),
        ("F+o", ["*-", "*F", "-", "*N+o"], ["-", "*N+o", "*B", "*F"]),
        ("B", ["*-", "*F", "-", "*T"], ["-", "*T", "-", "*F"]),
    ];

    fn contact(state: &str) -> Contact {
        let mut item = Item::new(BareJid::new("juliet@localhost").unwrap());
        let base = state.split('+').next().unwrap();
        item.subscription = Subscription::of("TB".contains(base), "FB".contains(base));
        item.ask = state.contains("+o");
        let request = state.contains("+i").then(|| "<presence/>".into());
        Contact {
            item,
            listed: true,
            request,
            ver: 0,
        }
    }

    fn name(contact: &Contact) -> String {
        let base = match contact.item.subscription {
            Subscription::None => "N",
            Subscription::To => "T",
            Subscription::From => "F",
            Subscription::Both => "B",
        };
        let asked = if contact.item.ask { "+o" } else { "" };
        let wanted = if contact.request.is_some() { "+i" } else { "" };
        format!("{base}{asked}{wanted}")
    }

    // proves: RO-01
    #[test]
    fn every_cell_of_the_subscription_table_holds() {
        let kinds = [Subscribe, Unsubscribe, Subscribed, Unsubscribed];
        for (before, out, inn) in TABLE {
            for (index, kind) in kinds.into_iter().enumerate() {
                for (cell, is_outbound) in [(out[index], true), (inn[index], false)] {
                    let mut contact = contact(before);
                    let effect = match is_outbound {
                        true => outbound(&mut contact, kind),
                        false => inbound(&mut contact, kind),
                    };
                    if !is_outbound && kind == Subscribe && effect.passes {
                        contact.request = Some("<presence/>".into());
                    }
                    let after = cell.trim_start_matches('*');
                    let after = if after == "-" { before } else { after };
                    let what = format!("{before} {kind:?} outbound={is_outbound}");
                    assert_eq!(name(&contact), after, "{what}");
                    assert_eq!(effect.passes, cell.starts_with('*'), "{what}");
                }
            }
        }
    }
}
