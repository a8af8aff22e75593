### Alle Texte auf Deutsch. Wir sagen „du“, schreiben kurz und einfach, ohne Fachwörter.

-language-name = Deutsch
-language-direction = ltr
-app = Balcony

## Überall

app = { -app }
skip = Zum Gespräch springen
loading = Deine Gespräche werden geöffnet
cancel = Abbrechen
trouble-title = Diese Seite kann nicht starten
no-free-slot = { -app } ist in zu vielen Tabs dieses Browsers offen. Schließe einen davon und lade die Seite neu.
no-storage = Dieser Browser lässt { -app } nichts speichern. Erlaube das Speichern für diese Adresse oder verlasse den privaten Modus und lade die Seite neu.
reload = Neu laden

## Anmelden

sign-in-title = Willkommen zurück
sign-in-lead = Melde dich an und mach da weiter, wo du aufgehört hast.
sign-in = Anmelden
signing-in = Du wirst angemeldet …
name = Name
password = Passwort
show-password = Zeigen
hide-password = Verbergen
show-password-label = Passwort zeigen
no-account = Noch kein Konto? Öffne den Link, den du bekommen hast: von dem, der dich eingeladen hat, oder von dem, der diesen Server betreibt.
name-unusable = Dieser Name geht nicht. Nimm Buchstaben, Ziffern, Punkte oder Striche, ohne Leerzeichen.
password-missing = Bitte gib ein Passwort ein.

## Ein neues Konto

set-up-title = { -app } einrichten
set-up-lead = Wähle Name und Passwort für das erste Konto.
invite-title = Du bist eingeladen
invite-lead = Wähle einen Namen und ein Passwort, und schon kannst du chatten.
create = Konto anlegen
creating = Dein Konto wird angelegt …
have-account = Ich habe schon ein Konto
password-hint = Ein paar Wörter, die nur du kennst, sind besser als ein kurzes Rätsel.

## Warum das Anmelden nicht ging

refused-password = Name und Passwort passen nicht zusammen.
refused-again = Du wurdest abgemeldet. Melde dich neu an.
refused-name = Diesen Namen hat schon jemand. Versuche einen anderen.
refused-unacceptable = Dieser Name oder dieses Passwort geht nicht. Versuche etwas anderes.
refused-link = Dieser Link wurde schon benutzt oder ist abgelaufen. Bitte um einen neuen.
refused-untrusted = Das ist vielleicht nicht der richtige Server: Er konnte sich nicht ausweisen.
refused-other = Der Server hat abgelehnt. Versuche es später noch einmal.

## Die Liste

chats = Chats
chats-label = Gespräche
new-chat = Neuer Chat
add-title = Neuer Chat
add-lead = Gib den Namen der Person ein, mit der du reden möchtest. Sie wird gefragt.
add-placeholder = julia
add-label = Name
add = Hinzufügen
add-self = Das ist dein eigener Name.
requests = Möchte mit dir chatten
accept = Annehmen
refuse = Ablehnen
accept-person = { $name } annehmen
refuse-person = { $name } ablehnen
list-unknown = Deine Gespräche erscheinen, sobald dieses Gerät verbunden ist.
no-chats-title = Hier ist es noch still
no-chats = Füge jemanden hinzu, den du kennst. Euer Gespräch erscheint dann hier.
no-chat-open-title = Wähle ein Gespräch
no-chat-open = Such dir eins aus der Liste aus oder fang ein neues an.
draft = Entwurf:
own-prefix = Du:
own-line = Du ({ $state }):
unread =
    { $count ->
        [one] { $count } ungelesene Nachricht
       *[other] { $count } ungelesene Nachrichten
    }

## Ein Gespräch

asked = Anfrage gesendet, noch keine Antwort
writing = schreibt …
retracted = Nachricht gelöscht
online = Online
back = Zurück zur Liste
messages = Nachrichten
no-lines-title = Noch keine Nachrichten
no-lines = Sag Hallo: Was hier steht, bleibt hier, auf all deinen Geräten.
say-hello = Nachricht schreiben
you = Du
new-messages-log = Neue Nachrichten
older = Ältere Nachrichten laden
loading-older = Ältere Nachrichten werden geladen …
older-later = Ältere Nachrichten kommen, sobald dieses Gerät verbunden ist.
start = Hier fängt an, was aufbewahrt wird
gap = Hier fehlen vielleicht Nachrichten
gap-why = Der Server hat sie nicht mehr.
filling = Fehlende Nachrichten werden geholt …
filling-later = Hier fehlen Nachrichten. Sie kommen, sobald dieses Gerät verbunden ist.
found =
    { $count ->
        [0] { "" }
       *[other] bisher { $count } gefunden
    }
to-unread = Erste neue Nachricht
unread-from-here = Neue Nachrichten
latest =
    { $count ->
        [0] Zur neuesten Nachricht
       *[other] Zur neuesten Nachricht, { $count } neu
    }
today = Heute
yesterday = Gestern
composer-placeholder = Nachricht
send = Senden

## Die andere Person

more = Mehr zu dieser Person
contact-info = Info und Name
contact-name = So nennst du diese Person
contact-name-why = Diesen Namen siehst nur du, auf all deinen Geräten.
relation-both = In deinen Kontakten. Ihr seht beide, wenn der andere online ist.
relation-to = In deinen Kontakten. Du siehst, wenn diese Person online ist, aber nicht umgekehrt.
relation-from = In deinen Kontakten. Diese Person sieht, wenn du online bist, aber nicht umgekehrt.
relation-none = Nicht in deinen Kontakten.
save = Speichern
add-contact = Zu den Kontakten hinzufügen
remove-contact = Aus den Kontakten entfernen
remove-title = { $name } aus deinen Kontakten entfernen?
remove-lead = Ihr seht dann nicht mehr, wann der andere online ist. Euer Gespräch bleibt.
block = Blockieren
unblock = Nicht mehr blockieren
unblock-person = { $name } nicht mehr blockieren
block-title = { $name } blockieren?
block-lead = Was diese Person schreibt, kommt nicht mehr an, und du kannst ihr nicht schreiben. Sie erfährt davon nichts.
blocked = Blockiert
blocked-why = Du hast { $name } blockiert: Nachrichten gehen in keine Richtung.
blocked-people = Wen du blockiert hast
blocked-nobody = Niemanden.
## Was über Nachrichten gesagt wird, die schon da sind

line-menu = Optionen der Nachricht
reply = Antworten
edit = Bearbeiten
edited = bearbeitet
copy-text = Text kopieren
delete = Löschen
delete-title = Diese Nachricht löschen?
delete-lead = Sie verschwindet für alle in dieser Unterhaltung, auf allen Geräten. Nur ihr Platz bleibt.
go-to-quote = Zur zitierten Nachricht
show-edits = Frühere Fassungen zeigen
earlier-title = Frühere Fassungen
reads-now = Jetzt
react = Reagieren
reactions = Reaktionen
more-emojis = Weitere Emojis
emojis = Emojis
you-and = Du und { $name }
replying-to = Antwort an { $name }
replying-to-you = Antwort an dich selbst
editing = Nachricht bearbeiten
answers = Antwort auf { $name }: { $text }
earlier-line = Eine frühere Nachricht
show-more = Mehr zeigen
show-less = Weniger zeigen
emoji-recent = Zuletzt benutzt
emoji-faces = Gesichter
emoji-hands = Hände und Menschen
emoji-hearts = Herzen
emoji-nature = Tiere und Natur
emoji-food = Essen und Trinken
emoji-fun = Sport und Feste
emoji-places = Unterwegs
emoji-things = Dinge

## Was aus einer eigenen Nachricht wurde: ein Wort, und was es bedeutet

mark-waiting = Wartet
mark-waiting-why = Noch nicht gesendet. Das passiert von selbst.
mark-archived = Gesendet
mark-archived-why = Auf dem Server gespeichert. Ob sie angekommen ist, weiß man noch nicht.
mark-received = Angekommen
mark-received-why = Sie ist auf dem Gerät der anderen Person angekommen.
mark-read = Gelesen
mark-read-why = Sie wurde der anderen Person gezeigt.
mark-not-saved = Zugestellt, nicht gespeichert
mark-not-saved-why = Sie wurde zugestellt, aber der Server konnte sie nicht speichern.
mark-not-kept = Wird nicht gespeichert
mark-not-kept-why = Sie wurde zugestellt, aber der Server bewahrt sie nicht auf.
mark-failed = Nicht gesendet
mark-failed-why = Sie konnte nicht zugestellt werden.
failed-because = { mark-failed }: { $reason }
failed-too-long = Das ist zu lang zum Senden.
failed-too-old = Das konnte zwei Wochen lang nicht gesendet werden. Noch einmal senden?
failed-nobody = Diese Adresse hat niemand.
failed-unwanted = Dieser Person kannst du nicht schreiben.
failed-unreachable = Der Server der anderen Person ist nicht erreichbar.
failed-too-many = Du hast in einer Stunde vielen neuen Leuten geschrieben. Versuche es später noch einmal.
failed-full = Das Postfach der anderen Person ist voll.
failed-refused = Der Server hat das nicht angenommen.
copy = Kopieren
copied = Kopiert
retry = Noch einmal
discard = Verwerfen

## Die Verbindung zum Server

connecting = Verbinde …
catching-up = Hole Verpasstes nach …
live = Alles aktuell
idle = Nicht verbunden
try-now = Jetzt versuchen
broken = Dieses Gerät kann nichts mehr speichern. Lade die Seite neu, dann geht es weiter.
offline =
    { $waiting ->
        [0] Offline
        [one] Offline ({ $waiting } Nachricht wartet)
       *[other] Offline ({ $waiting } Nachrichten warten)
    }
waiting =
    { $count ->
        [one] { $count } Nachricht wartet
       *[other] { $count } Nachrichten warten
    }
retry-in = nächster Versuch in { NUMBER($seconds) } s
so-far =
    { $fetched ->
        [0] { "" }
        [one] bisher { $fetched } Nachricht
       *[other] bisher { $fetched } Nachrichten
    }
so-far-of = { NUMBER($fetched) } von { NUMBER($total) } Nachrichten
device = Gerät { $slot } in diesem Browser
device-short = Gerät { $slot }

## Menü und Einstellungen

menu = Menü
settings = Einstellungen
close = Schließen
go-back = Zurück
signed-in-as = Angemeldet als { $name }
nick = Dein Name
nick-why = Deine Kontakte sehen diesen Namen und das Bild.
picture-choose = Bild auswählen
picture-remove = Bild entfernen
picture-unusable = Dieses Bild geht nicht. Nimm eine PNG-, JPEG- oder WebP-Datei.
saving = Wird gespeichert …
saved = Gespeichert.
not-saved = Das ging nicht. Versuche es noch einmal, wenn du verbunden bist.
look = Aussehen
theme = Farben
theme-contrast = Hoher Kontrast
typing-title = Schreiben
send-key = Was eine Nachricht sendet
send-by-enter = Enter
send-by-control = Strg + Enter
letters = Einzelne Tasten wie „?“ als Kürzel
privacy = Privatsphäre
for-developers = Für Entwickler
language = Sprache
language-of-browser = Wie der Browser
theme-system = System
theme-light = Hell
theme-dark = Dunkel
share-reading = Anderen zeigen, was ich bekommen und gelesen habe
share-typing = Anderen zeigen, wenn ich schreibe
developer = Entwicklermodus

## Tastatur

shortcuts = Tastenkürzel
shortcut-line = Neue Zeile
shortcut-step = Nächstes oder voriges Gespräch
shortcut-walk = Von Nachricht zu Nachricht
shortcut-edit = Die letzte eigene Nachricht bearbeiten
shortcut-menu = Das Menü einer Nachricht öffnen
shortcut-escape = Schließen oder zurück
switch-title = Zu einem Gespräch
switch-placeholder = Name
switch-none = So heißt hier niemand.

## Abmelden

sign-out = Abmelden
sign-out-title = Abmelden?
sign-out-lead = Was in diesem Browser gespeichert ist, wird gelöscht; deine Nachrichten bleiben auf dem Server. Jeder Tab ist ein eigenes Gerät: Melde dieses ab oder alle.
sign-out-here = In diesem Tab abmelden
sign-out-browser = Im ganzen Browser abmelden
sign-out-all = Überall abmelden
sign-out-all-why = Überall heißt: auf all deinen Geräten, in diesem Browser und in jedem anderen.
sign-out-all-later = Dafür braucht es eine Verbindung zum Server.
sign-out-loses =
    { $waiting ->
        [one] { $waiting } Nachricht dieses Tabs ist noch nicht gesendet und geht verloren.
       *[other] { $waiting } Nachrichten dieses Tabs sind noch nicht gesendet und gehen verloren.
    }

## Einladungen und Geräte

invite-friend = Jemanden einladen
invite-friend-lead = Schicke diesen Link jemandem, mit dem du reden willst. Wer ihn öffnet, wählt Name und Passwort, und ihr steht sofort in der Liste des anderen.
# After the link: how often and how long it works.
invite-terms = Gilt einmal, für eine Person, bis { $until }.
invite-picture = Bild des Links, für die Kamera eines Telefons
invited-by = { $name } lädt dich zum Chatten ein
invite-own-title = Das ist dein eigener Link
invite-own-lead = Schicke ihn der Person, die du einladen willst.
follow-lead = Werdet Kontakte: { $name } und du, angemeldet als { $own }.
follow-accept = Mit { $name } chatten
to-my-chats = Zu meinen Gesprächen
other-account = Lieber ein neues Konto anlegen
link = Link
link-copy = Kopieren
link-copied = Kopiert
link-share = Teilen …
link-coming = Ein Link wird erstellt …
link-again = Neuen Link erstellen
link-over = Dieser Link ist abgelaufen.
done = Fertig
try-again = Noch einmal
add-device = Gerät hinzufügen
add-device-lead = Öffne diesen Link auf deinem anderen Gerät, oder lies das Bild mit seiner Kamera. Es meldet sich ohne Passwort an; zeige es also sonst niemandem.
link-device-picture = Bild des Links, für die Kamera deines anderen Geräts
# $left is minutes and seconds, like 9:58.
link-device-terms = Gilt einmal, noch { $left } Minuten.
device-link-title = Als { $name } anmelden
device-link-lead = Ein anderes Gerät von dir hat diesen Link erstellt. Melde dich nur an, wenn du das warst.
device-in-title = Du bist schon angemeldet
device-in-lead = Dieser Browser ist schon ein Gerät von { $name }.
devices = Geräte
devices-lead = Alle Geräte und Programme, die bei deinem Konto angemeldet sind.
devices-coming = Deine Geräte werden gesucht …
device-this = Dieses Gerät
device-online = Verbunden
device-last = Zuletzt da: { $when }
device-offline = Nicht verbunden
device-since = Angemeldet seit { $day }
device-unnamed = Gerät ohne Namen
rename = Umbenennen
rename-title = Dieses Gerät benennen
rename-device = { $name } umbenennen
sign-out-device = { $name } abmelden
sign-out-others = Alle anderen abmelden
sign-out-devices-title = Abmelden?
sign-out-device-lead = { $name } wird sofort getrennt und kommt ohne dein Passwort nicht zurück.
sign-out-devices-lead =
    { $count ->
        [one] { $count } Gerät wird sofort getrennt und kommt ohne dein Passwort nicht zurück.
       *[other] { $count } Geräte werden sofort getrennt und kommen ohne dein Passwort nicht zurück.
    }
sign-out-devices-hint = Wenn du glaubst, dass jemand dein Passwort kennt, ändere es auch.
people-offline = Das braucht eine Verbindung. Versuche es noch einmal, sobald du online bist.
people-too-many = Du hast schon viele Links erstellt. Warte etwas, oder bis einige davon benutzt sind.
people-refused = Der Server hat abgelehnt. Versuche es später noch einmal.

## Developer mode: the inspector

inspector = Inspektor
inspector-filter = Frames filtern
inspector-hides = Inhalte und Geheimnisse verbergen
inspector-clear = Leeren
inspector-export = Exportieren
inspector-close = Schließen
inspector-frames = Frames, die neuesten zuerst
inspector-follow = Verfolgen
inspector-follow-one = Die Nachricht von Eintrag { $number } verfolgen
inspector-follows = Der Weg von { $id }
inspector-all = Alle zeigen
inspector-sent = → gesendet
inspector-came = ← gekommen
inspector-link = • Socket
inspector-became = ✓ bekannt

## Developer mode: what this device keeps

facts = Dieses Gerät
facts-slot = Datenbank
facts-address = Adresse
facts-cursor = Cursor
facts-oldest = Ältester bekannter Eintrag
facts-start = Reicht bis zum Anfang des Archivs
facts-places = Plätze des bekannten Teils
facts-holes = Lücken
facts-rows = Zeilen
facts-outbox = Nachrichten unterwegs
facts-space = Belegter Platz, von möglichem
facts-kept = Bleibt, bis jemand es löscht
facts-look = Neu lesen
facts-export = Zeilen exportieren
facts-repair = Reparieren
facts-repair-why = Reparieren verwirft, was hier liegt, und holt es neu. Es wartet, bis nichts mehr unterwegs ist.
yes = Ja
no = Nein
