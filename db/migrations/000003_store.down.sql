SET lock_timeout = '5s';
DROP TABLE codes;
DROP TABLE order_days;
DROP TABLE orders;
DROP TABLE items;
DROP TABLE code_pools;
