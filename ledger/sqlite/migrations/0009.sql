-- The version (ETag) of the copy of an event or contact that we wrote, or took over: another one means that somebody changed it in the cloud.

ALTER TABLE items ADD COLUMN cloud_version TEXT NOT NULL DEFAULT '';
