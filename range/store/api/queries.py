"""Every statement of the API, word for word. `platform-notes.md` of a recording is made from these."""

CUSTOMER_COLUMNS = """\
SELECT u.id, u.email, u.first_name, u.last_name, u.date_joined,
       a.line1, a.line2, a.line4, a.state, a.postcode, a.country_id, a.phone_number
FROM auth_user u
LEFT JOIN address_useraddress a ON a.user_id = u.id AND a.is_default_for_shipping
WHERE NOT u.is_staff"""

CUSTOMER_PAGE = CUSTOMER_COLUMNS + "\nORDER BY u.id LIMIT %s OFFSET %s"
CUSTOMER_BY_ID = CUSTOMER_COLUMNS + " AND u.id = %s"

ORDER_COLUMNS = """\
SELECT o.number, o.date_placed, o.status, o.currency, o.total_incl_tax, o.user_id, o.guest_email,
       s.first_name, s.last_name, s.line1, s.line2, s.line4, s.state, s.postcode, s.country_id, s.phone_number,
       p.label
FROM order_order o
LEFT JOIN order_shippingaddress s ON s.id = o.shipping_address_id
LEFT JOIN payment_source p ON p.order_id = o.id"""

ORDER_PAGE = ORDER_COLUMNS + "\nORDER BY o.date_placed DESC, o.id DESC LIMIT %s OFFSET %s"
ORDER_BY_NUMBER = ORDER_COLUMNS + "\nWHERE o.number = %s"
