"""Checkout with a card, as a payment plugin does it: the number goes to the gateway, the store keeps a mask and a token."""

import secrets
from datetime import date

from oscar.apps.checkout.views import *  # noqa: F403
from oscar.apps.checkout.views import PaymentDetailsView as OscarPaymentDetailsView
from oscar.apps.payment.models import Bankcard, Source, SourceType


class PaymentDetailsView(OscarPaymentDetailsView):
    def handle_payment(self, order_number, total, **kwargs):
        number = self.request.POST.get("card_number", "4000000000000002")
        year, month = self.request.POST.get("card_expiry", "2029-01").split("-")
        card = Bankcard(number=number, expiry_date=date(int(year), int(month), 28), name=self.request.POST.get("card_name", ""))
        card.partner_reference = "tok_" + secrets.token_hex(12)
        if self.request.user.is_authenticated:
            card.user = self.request.user
            card.save()
        else:
            card.prepare_for_save()
        source_type, _ = SourceType.objects.get_or_create(name="Card")
        self.add_payment_source(
            Source(
                source_type=source_type,
                currency=total.currency,
                amount_allocated=total.incl_tax,
                reference=card.partner_reference,
                label=f"{card.card_type} {card.obfuscated_number}",
            )
        )
        self.add_payment_event("Authorised", total.incl_tax, reference=card.partner_reference)
