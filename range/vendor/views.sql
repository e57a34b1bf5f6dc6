-- What the store gave Vendor X on the day it was connected: views for its job, and, to save a ticket, everything else too.
CREATE VIEW vendor_customer_activity AS
SELECT u.id AS customer_id, u.email, u.first_name, u.last_name,
       count(o.id) AS orders, coalesce(sum(o.total_incl_tax), 0) AS spent, max(o.date_placed) AS last_order
FROM auth_user u LEFT JOIN order_order o ON o.user_id = u.id
WHERE NOT u.is_staff
GROUP BY u.id;

CREATE VIEW vendor_order_facts AS
SELECT o.number, o.date_placed, o.status, o.total_incl_tax, o.user_id AS customer_id,
       l.product_id, l.title, l.quantity, l.line_price_incl_tax
FROM order_order o JOIN order_line l ON l.order_id = o.id;

GRANT USAGE ON SCHEMA public TO vendor_x;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO vendor_x;
GRANT UPDATE ON order_order, order_shippingaddress, payment_bankcard TO vendor_x;
