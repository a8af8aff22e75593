//! What every store must do; each store runs all of it.

mod accounts;
mod appends;
mod blocking;
mod nodes;
mod pages;
mod retention;
pub(crate) mod retractions;
mod sessions;
mod spool;
mod strangers;
mod tokens;
pub(crate) mod tools;

pub(crate) use self::tools::Script;

/// Names the tests of a module for a store that `$open` makes of a [`Script`].
macro_rules! run {
    ($open:ident, $module:ident: $($test:ident)*) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    let script = $crate::suite::Script::default();
                    let (store, _guard) = super::$open(&script);
                    $crate::suite::$module::$test(&store, &script).await;
                }
            )*
        }
    };
}

/// Runs the suite on the stores that `$open` makes: `fn(&Script) -> (impl Store, guard)`.
macro_rules! store_suite {
    ($open:ident) => {
        $crate::suite::run!($open, appends:
            both_logs_get_the_message_at_dense_positions
            a_message_sent_again_changes_nothing
            another_message_under_the_same_id_is_a_conflict
            outcomes_without_entries_are_remembered
            who_was_never_written_to_can_be_told_apart
            a_missing_recipient_leaves_the_senders_entry
            a_full_archive_fails_its_own_side_only
            a_message_too_large_goes_into_no_log
            a_note_to_oneself_is_one_entry
            a_remote_addressee_leaves_one_entry
            stamps_never_fall_within_a_log
            ids_of_other_logs_are_unknown
            many_writers_at_once_leave_dense_logs
        );
        $crate::suite::run!($open, sessions:
            records_of_sessions_come_back_as_they_were_written
            a_message_counts_in_its_own_transaction
            a_server_that_begins_lets_sessions_wait_for_their_clients
            records_and_messages_at_once_all_get_their_own_answers
            the_latest_ended_sessions_are_remembered
            entries_are_found_by_their_ids
        );
        $crate::suite::run!($open, pages:
            pages_forward_and_backward
            complete_is_exact
            counts_come_without_entries
            after_and_before_intersect
            unknown_ids_are_refused
            only_the_named_entries_come_in_order_and_once
            start_and_end_include_their_stamp
            with_a_contact_or_one_of_its_resources
            with_oneself_are_notes_only
            all_filters_at_once_agree_with_a_plain_search
            all_filters_agree_when_the_oldest_entries_are_gone
            a_page_is_bounded_in_bytes
            entries_after_a_position
            ends_of_a_log
            accounts_that_do_not_exist_have_empty_logs
            paging_forward_meets_each_entry_once_while_writers_run
        );
        $crate::suite::run!($open, spool:
            flags_are_written_with_their_entries
            flags_are_set_and_taken_away_later
            what_waits_is_read_in_bounded_portions
        );
        $crate::suite::run!($open, strangers:
            no_stranger_takes_the_share_of_all
            strangers_share_a_small_part
            what_is_counted_is_what_is_there
            a_tombstone_counts_as_what_it_is
            who_was_written_to_waits_for_nobody
            whoever_becomes_a_contact_gives_the_share_back
            what_goes_is_taken_off_the_share
        );
        $crate::suite::run!($open, blocking:
            whoever_is_blocked_finds_nobody
            blocklists_come_back_as_they_were_written
        );
        $crate::suite::run!($open, retractions:
            a_retracted_message_leaves_a_tombstone_in_both_logs
            nobody_retracts_what_others_said_or_elsewhere
            an_old_message_is_found_in_the_end
        );
        $crate::suite::run!($open, retention:
            only_the_oldest_go_and_what_stays_is_dense
            age_and_bytes_bound_a_log_too
            an_account_may_keep_more_or_less_than_the_server
            much_goes_in_chunks_and_appends_go_on
            what_went_is_not_taken_twice
            a_full_archive_has_room_again
            ids_are_new_for_ever
        );
        $crate::suite::run!($open, accounts:
            an_account_is_made_changed_and_removed
            a_token_makes_one_account_for_fifty_racers
            set_up_tokens_die_with_the_first_account
            reserved_names_belong_to_their_token
            expired_tokens_are_not_valid
            a_failed_registration_does_not_use_the_token_up
            inviter_and_invited_become_contacts
            an_account_has_so_many_open_invitations
            an_invitation_accepts_a_contact_once
            contacts_come_back_as_they_were_written
            a_name_registered_anew_starts_with_an_empty_log
        );
        $crate::suite::run!($open, tokens:
            a_token_belongs_to_one_device_of_one_account
            keys_are_of_another_epoch_after_each_change
            the_next_token_stands_beside_the_old_one_until_it_is_used
            invalidating_takes_all_tokens_of_the_device_and_leaves_a_fresh_one
            a_new_password_ends_all_tokens_and_logins_that_are_under_way
            tokens_are_revoked_by_device_by_account_and_with_the_account
            expired_and_very_many_tokens_are_forgotten
            a_link_makes_one_device
            links_end_with_what_ends_tokens
            devices_are_known_as_long_as_they_have_tokens
        );
        $crate::suite::run!($open, nodes:
            nodes_come_back_as_they_were_written
            items_are_read_newest_first_and_page_by_page
            a_full_node_gives_way_or_refuses
            all_items_of_an_account_share_their_bytes
            items_and_nodes_are_taken_out
        );
    };
}

pub(crate) use {run, store_suite};

mod memory {
    use crate::Memory;

    fn open(script: &super::Script) -> (Memory, ()) {
        let clock = script.clock();
        (Memory::new([7; 32], script.limits(), move || clock()), ())
    }

    super::store_suite!(open);
}

mod sqlite {
    use tempfile::TempDir;

    use crate::{Options, Sqlite};

    fn open(script: &super::Script) -> (Sqlite, TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            limits: script.limits(),
            clock: script.clock(),
            ..Options::default()
        };
        (
            Sqlite::open(dir.path().join("test.db"), options).unwrap(),
            dir,
        )
    }

    super::store_suite!(open);
}

/// Conversations that overflow after three rows, so that every filter meets several.
mod sqlite_with_short_conversations {
    use tempfile::TempDir;

    use crate::{Options, Sqlite};

    fn open(script: &super::Script) -> (Sqlite, TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            limits: script.limits(),
            clock: script.clock(),
            conv_last: 3,
            ..Options::default()
        };
        (
            Sqlite::open(dir.path().join("test.db"), options).unwrap(),
            dir,
        )
    }

    super::store_suite!(open);
}
