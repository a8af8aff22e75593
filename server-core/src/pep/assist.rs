//! A read state that travels beside a marker (MD-04).

use protocol::pubsub::{Config, Item, Published};
use protocol::stanza::{Address, Stanza};
use protocol::{Element, mds, ns};

use super::{Asker, Job};
use crate::account::Account;
use crate::core::Context;

impl Account {
    /// Takes the read state out of an outgoing message, before anything else is done with it, and
    /// publishes it under the message's `to`. Tells whether something was taken out.
    pub(crate) fn assist(&mut self, cx: &mut Context, message: &mut Stanza) -> bool {
        let before = message.children.len();
        let mut displayed = None;
        message.children.retain(|child| {
            let is_displayed = child.is("displayed", ns::MDS);
            if is_displayed {
                displayed = child.element().ok().filter(mds::is_displayed);
            }
            !is_displayed
        });
        if let (Some(payload), Address::Jid(to)) = (displayed, &message.header.to) {
            self.do_in_turn(cx, Job::Assist(Item::new(to.to_string(), &payload)));
        }
        message.children.len() < before
    }

    /// The node is made, or kept, so that nobody else can read it.
    pub(super) fn keep_read_state(&mut self, cx: &mut Context, item: Item) {
        let known = self.pep.nodes.get(mds::NODE);
        let private = Config::private();
        let config = known.map_or(private.clone(), |config| Config {
            access: private.access,
            persist: private.persist,
            max_items: private.max_items,
            send_last: private.send_last,
            ..config.clone()
        });
        let payload = item
            .element()
            .unwrap_or_else(|| Element::new("displayed", ns::MDS));
        let published = Published {
            id: Some(item.id),
            payload,
        };
        match self.plan_publish(cx, mds::NODE.to_owned(), config, vec![published]) {
            Ok(plan) => self.change_node(cx, Asker::None, plan),
            Err(error) => tracing::debug!(condition = %error.condition, "read state not kept"),
        }
    }
}
