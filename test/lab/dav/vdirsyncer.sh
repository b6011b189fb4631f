#!/bin/sh
# vdirsyncer as a contestant of the calendar lab; its status is kept between passes.
cat >"$S/vdirsyncer.conf" <<X
[general]
status_path = "$S/status"
[pair calendars]
a = "old_calendars"
b = "new_calendars"
collections = ["default"]
[pair contacts]
a = "old_contacts"
b = "new_contacts"
collections = ["contacts"]
[storage old_calendars]
type = "caldav"
url = "http://127.0.0.1:$LAB_SRC/"
username = "$LAB_USER"
password = "pass"
[storage new_calendars]
type = "caldav"
url = "http://127.0.0.1:$LAB_DST/"
username = "$LAB_USER"
password = "pass"
[storage old_contacts]
type = "carddav"
url = "http://127.0.0.1:$LAB_SRC/"
username = "$LAB_USER"
password = "pass"
[storage new_contacts]
type = "carddav"
url = "http://127.0.0.1:$LAB_DST/"
username = "$LAB_USER"
password = "pass"
X
[ -d "$S/status" ] || yes | vdirsyncer -c "$S/vdirsyncer.conf" discover >/dev/null
exec vdirsyncer -v WARNING -c "$S/vdirsyncer.conf" sync
