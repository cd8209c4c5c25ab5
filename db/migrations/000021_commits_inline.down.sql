SET lock_timeout = '5s';

ALTER TABLE commits RESET (toast_tuple_target);
