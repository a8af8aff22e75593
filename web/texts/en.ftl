### Every text that a person reads, in English. The other languages have the same messages.
### Plain words and short sentences: no JID, stanza, resource or archive outside developer mode.

-language-name = English
-language-direction = ltr
-app = Balcony

## Everywhere

app = { -app }
skip = Skip to the conversation
loading = Opening your conversations
cancel = Cancel
trouble-title = This page cannot start
no-free-slot = { -app } is open in too many tabs of this browser. Close one of them, then reload.
no-storage = This browser does not let { -app } keep anything. Allow storage for this address, or leave private browsing, then reload.
reload = Reload

## Signing in

sign-in-title = Welcome back
sign-in-lead = Sign in to go on where you left off.
sign-in = Sign in
signing-in = Signing in…
name = Name
password = Password
show-password = Show
hide-password = Hide
show-password-label = Show password
no-account = No account yet? Open the link you were given by whoever invited you or runs this server.
name-unusable = This name cannot be used. Take letters, digits, dots or dashes, without spaces.
password-missing = Please enter a password.

## A new account

set-up-title = Set up { -app }
set-up-lead = Choose the name and password of the first account here.
invite-title = You are invited
invite-lead = Choose a name and a password, and start to chat.
create = Create account
creating = Creating your account…
have-account = I have an account already
password-hint = A few words that only you know are better than a short riddle.

## Why signing in failed

refused-password = Name and password do not fit together.
refused-again = You were signed out. Sign in again.
refused-name = Somebody has this name already. Try another one.
refused-unacceptable = This name or password cannot be used. Try another one.
refused-link = This link was used before, or has expired. Ask for a new one.
refused-untrusted = This may not be the server that it says it is: it could not prove it.
refused-other = The server said no. Try again later.

## The list

chats = Chats
chats-label = Conversations
new-chat = New chat
add-title = Start a new chat
add-lead = Enter the name of the person you want to talk to. They will be asked.
add-placeholder = juliet
add-label = Name
add = Add
add-self = That is your own name.
requests = Wants to chat with you
accept = Accept
refuse = Refuse
accept-person = Accept { $name }
refuse-person = Refuse { $name }
list-unknown = Your conversations appear once this device is connected.
no-chats-title = It is quiet here
no-chats = Add somebody you know, and your conversation appears here.
no-chat-open-title = Pick a conversation
no-chat-open = Choose one from the list, or start a new one.
draft = Draft:
own-prefix = You:
# What became of an own line, before the line itself.
own-line = You ({ $state }):
unread =
    { $count ->
        [one] { $count } unread message
       *[other] { $count } unread messages
    }

## A conversation

asked = Asked to chat, no answer yet
writing = writing…
retracted = Message deleted
online = Online
back = Back to the list
messages = Messages
no-lines-title = No messages yet
no-lines = Say hello: whatever is written here stays here, on all your devices.
say-hello = Write a message
you = You
new-messages-log = New messages
older = Load older messages
loading-older = Loading older messages…
older-later = Older messages come once this device is connected.
start = This is the beginning of what is kept
gap = Messages may be missing here
gap-why = The server does not have them any more.
filling = Fetching the messages that are missing here…
filling-later = Messages are missing here. They come once this device is connected.
# How far the filling of a gap is.
found =
    { $count ->
        [0] { "" }
       *[other] { $count } found so far
    }
to-unread = First new message
unread-from-here = New messages
# The button that goes to the end; beside it stands how many lines came meanwhile.
latest =
    { $count ->
        [0] Jump to the latest message
       *[other] Jump to the latest message, { $count } new
    }
today = Today
yesterday = Yesterday
composer-placeholder = Message
send = Send

## The other person

more = More about this person
contact-info = Info and name
contact-name = What you call this person
contact-name-why = Only you see this name, on all your devices.
relation-both = In your contacts. You both see when the other one is online.
relation-to = In your contacts. You see when this person is online, but not the other way round.
relation-from = In your contacts. This person sees when you are online, but not the other way round.
relation-none = Not in your contacts.
save = Save
add-contact = Add to contacts
remove-contact = Remove from contacts
remove-title = Remove { $name } from your contacts?
remove-lead = You will not see each other online any more. Your conversation stays.
block = Block
unblock = Unblock
unblock-person = Unblock { $name }
block-title = Block { $name }?
block-lead = Nothing that this person writes reaches you, and you cannot write to them. They are not told.
blocked = Blocked
blocked-why = You have blocked { $name }: no messages go either way.
blocked-people = People you have blocked
blocked-nobody = Nobody.
## What is said of messages that are there already

line-menu = Message options
reply = Reply
edit = Edit
edited = edited
copy-text = Copy text
delete = Delete
delete-title = Delete this message?
delete-lead = It goes away for everybody in this conversation, on all devices. Only its place stays.
go-to-quote = Go to the quoted message
show-edits = Show earlier versions
earlier-title = Earlier versions
reads-now = Now
react = React
reactions = Reactions
more-emojis = More emojis
emojis = Emojis
you-and = You and { $name }
replying-to = Reply to { $name }
replying-to-you = Reply to yourself
editing = Edit message
answers = Answer to { $name }: { $text }
earlier-line = An earlier message
show-more = Show more
show-less = Show less
emoji-recent = Used last
emoji-faces = Faces
emoji-hands = Hands and people
emoji-hearts = Hearts
emoji-nature = Animals and nature
emoji-food = Food and drink
emoji-fun = Sport and parties
emoji-places = Travel
emoji-things = Things

## What became of an own message: a word, and what it means

mark-waiting = Waiting
mark-waiting-why = Not sent yet; it goes out by itself.
mark-archived = Sent
mark-archived-why = Saved on the server. Nothing tells yet that it has arrived.
mark-received = Received
mark-received-why = It reached the other person’s device.
mark-read = Read
mark-read-why = It was shown to the other person.
mark-not-saved = Delivered, not saved
mark-not-saved-why = It was delivered, but saving it failed on the server.
mark-not-kept = Not stored
mark-not-kept-why = It was delivered, but the server does not store it.
mark-failed = Not sent
mark-failed-why = It could not be delivered.
# A failed line with its reason, a sentence of its own.
failed-because = { mark-failed }: { $reason }
failed-too-long = This is too long to be sent.
failed-too-old = This could not be sent for two weeks. Send it again?
failed-nobody = There is nobody with this address.
failed-unwanted = This person cannot be written to.
failed-unreachable = The other person’s server cannot be reached.
failed-too-many = You have written to many new people within an hour. Try again later.
failed-full = The other person’s mailbox is full.
failed-refused = The server did not take this.
copy = Copy
copied = Copied
retry = Retry
discard = Discard

## The link to the server

connecting = Connecting…
catching-up = Catching up…
live = Up to date
idle = Not connected
try-now = Try now
broken = This device cannot save anything more. Reload the page to go on.
offline =
    { $waiting ->
        [0] Offline
        [one] Offline ({ $waiting } message waiting)
       *[other] Offline ({ $waiting } messages waiting)
    }
waiting =
    { $count ->
        [one] { $count } message waiting
       *[other] { $count } messages waiting
    }
# Beside “Offline”.
retry-in = next try in { NUMBER($seconds) } s
# How far a catch-up is, where nobody knows of how many.
so-far =
    { $fetched ->
        [0] { "" }
        [one] { $fetched } message so far
       *[other] { $fetched } messages so far
    }
so-far-of = { NUMBER($fetched) } of { NUMBER($total) } messages
device = Device { $slot } of this browser
device-short = Device { $slot }

## Menu and settings

menu = Menu
settings = Settings
close = Close
go-back = Back
signed-in-as = Signed in as { $name }
nick = Your name
nick-why = Your contacts see this name and the picture.
picture-choose = Choose a picture
picture-remove = Remove the picture
picture-unusable = This is no picture that can be used. Take a PNG, JPEG or WebP file.
saving = Saving…
saved = Saved.
not-saved = That could not be saved. Try again once you are connected.
look = Look
theme = Appearance
theme-contrast = High contrast
typing-title = Writing
send-key = What sends a message
send-by-enter = Enter
send-by-control = Ctrl + Enter
letters = Single keys like “?” are shortcuts
privacy = Privacy
for-developers = For developers
language = Language
language-of-browser = Like the browser
theme-system = System
theme-light = Light
theme-dark = Dark
share-reading = Tell others what I received and read
share-typing = Tell others when I am writing
developer = Developer mode

## Keyboard

shortcuts = Keyboard shortcuts
shortcut-line = New line
shortcut-step = Next or previous conversation
shortcut-walk = From message to message
shortcut-edit = Edit the last own message
shortcut-menu = Open the menu of a message
shortcut-escape = Close or go back
switch-title = Go to a conversation
switch-placeholder = Name
switch-none = Nobody of that name.

## Signing out

sign-out = Sign out
sign-out-title = Sign out?
sign-out-lead = What is kept in this browser is removed; your messages stay on the server. Each tab is a device of its own: sign out of this one, or of all of them.
sign-out-here = Sign out in this tab
sign-out-browser = Sign out in the whole browser
sign-out-all = Sign out everywhere
sign-out-all-why = Everywhere: on all your devices, in this browser and in any other.
sign-out-all-later = Everywhere needs a connection to the server.
sign-out-loses =
    { $waiting ->
        [one] { $waiting } message of this tab was not sent yet and will be lost.
       *[other] { $waiting } messages of this tab were not sent yet and will be lost.
    }

## Invitations and devices

invite-friend = Invite a friend
invite-friend-lead = Send this link to somebody you want to talk to. They choose a name and a password, and you are in each other’s list at once.
# After the link: how often and how long it works.
invite-terms = Works once, for one person, until { $until }.
invite-picture = Picture of the link, to be read by the camera of a phone
invited-by = { $name } invites you to chat
invite-own-title = This is your own link
invite-own-lead = Send it to the friend you want to invite.
follow-lead = Become each other’s contact: { $name } and you, signed in as { $own }.
follow-accept = Chat with { $name }
to-my-chats = To my conversations
other-account = Make a new account instead
link = Link
link-copy = Copy
link-copied = Copied
link-share = Share…
link-coming = Making a link…
link-again = Make a new link
link-over = This link has expired.
done = Done
try-again = Try again
add-device = Add a device
add-device-lead = Open this link on your other device, or read the picture with its camera. It signs in without a password, so show it to nobody else.
link-device-picture = Picture of the link, to be read by the camera of your other device
# $left is minutes and seconds, like 9:58.
link-device-terms = Works once, for { $left } more minutes.
device-link-title = Sign in as { $name }
device-link-lead = Another device of yours made this link. Sign in only if that was you.
device-in-title = You are signed in already
device-in-lead = This browser is a device of { $name } already.
devices = Devices
devices-lead = All devices and programs that are signed in to your account.
devices-coming = Looking for your devices…
device-this = This device
device-online = Connected
device-last = Last seen: { $when }
device-offline = Not connected
device-since = Signed in since { $day }
device-unnamed = Unnamed device
rename = Rename
rename-title = Name this device
rename-device = Rename { $name }
sign-out-device = Sign out { $name }
sign-out-others = Sign out all others
sign-out-devices-title = Sign out?
sign-out-device-lead = { $name } is disconnected at once and cannot come back without your password.
sign-out-devices-lead =
    { $count ->
        [one] { $count } device is disconnected at once and cannot come back without your password.
       *[other] { $count } devices are disconnected at once and cannot come back without your password.
    }
sign-out-devices-hint = If you think that somebody knows your password, change it, too.
people-offline = This needs a connection. Try again once you are online.
people-too-many = You made many links already. Wait a little, or until some of them are used.
people-refused = The server said no. Try again later.

## Developer mode: the inspector

inspector = Inspector
inspector-filter = Filter frames
inspector-hides = Hide contents and secrets
inspector-clear = Clear
inspector-export = Export
inspector-close = Close
inspector-frames = Frames, the newest first
inspector-follow = Follow
inspector-follow-one = Follow the message of record { $number }
inspector-follows = The way of { $id }
inspector-all = Show all
inspector-sent = → sent
inspector-came = ← came
inspector-link = • socket
inspector-became = ✓ known

## Developer mode: what this device keeps

facts = This device
facts-slot = Database
facts-address = Address
facts-cursor = Cursor
facts-oldest = Oldest known entry
facts-start = Reaches the start of the archive
facts-places = Places of the known part
facts-holes = Holes
facts-rows = Rows
facts-outbox = Messages on their way
facts-space = Space used, of what may be
facts-kept = Kept until somebody clears it
facts-look = Look again
facts-export = Export rows
facts-repair = Repair
facts-repair-why = Repair drops what is kept here and fetches it anew. It waits until nothing is on its way.
yes = Yes
no = No
