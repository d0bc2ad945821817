"""A reply is only thanks if every word of it says so; whatever says or asks more reopens the case (SPEC section 5.3)."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.mail_rules import ThanksRules
from gateway.domain.rulebook import read_thanks
from gateway.domain.toml_lines import Page
from gateway.mail.thanks import MAX_CHARACTERS, MAX_WORDS, is_only_thanks

THANKS = (Path(__file__).parents[2] / "rules" / "thanks.toml").read_text()
RULES = read_thanks(Page("thanks.toml", THANKS))

ONLY_THANKS = {
    "en": """
        Thanks!
        Thank you, works now
        It works.
        Many thanks for the quick help, all good now.
        Perfect, thank you so much!
        Great, that fixed it. Thanks a lot!
        Thx, working again :)
        Hi Sarah,\\n\\nThank you very much for your fast response. Everything is working fine now.\\n\\nKind regards,\\nAnn
        Thanks Tom, works like a charm
        Awesome support, thanks guys!
        Yes, it works now. Thank you!
        The problem is solved, thank you.
        Thanks for fixing this so quickly!
        That did the trick, cheers!
        It's working again, many thanks
        Thank you for your help with the printer.
        I can log in again. Thanks!
        Brilliant, thanks for sorting that out. Have a great weekend!
        Much appreciated!
        OK thanks
        Hello team,\\nthe issue has been resolved. Thanks for your great support!\\nBest regards\\nAnn Archer\\nAcme Ltd
        Wow, that was quick! Thank you!
        Dear Mr. Smith,\\nMany thanks for your prompt reply.\\nYours sincerely\\nAnn
        thank u sooo much
        Thanks again for all your help
        Email is working fine now, thank you
        Thank you all, you are the best!
        Works perfectly now, no more errors. Thanks!
        Thanks, you can close the ticket now.
        Fantastic service, as always. Thank you!
    """,
    "de": """
        Danke!
        Vielen Dank, funktioniert wieder.
        Funktioniert wieder
        Super, vielen lieben Dank für die schnelle Hilfe, läuft wieder einwandfrei! Schönes Wochenende, Ann
        Herzlichen Dank für Ihre schnelle Unterstützung!
        Danke, jetzt geht's.
        danke laeuft
        Vielen Dank fuer die schnelle Loesung des Problems. Schoene Gruesse
        Besten Dank, hat geklappt!
        Hallo Herr Müller,\\n\\nvielen Dank, der Drucker funktioniert wieder.\\n\\nMit freundlichen Grüßen\\nAnn Archer
        Perfekt, danke dir!
        Top, danke euch
        Das Problem ist gelöst, herzlichen Dank.
        Ja, jetzt klappt alles. Tausend Dank!
        Merci, passt
        Prima, dankeschön :-)
        Klasse Service, vielen Dank
        Guten Morgen,\\nes läuft wieder alles. Vielen Dank für Ihre Mühe!\\nViele Grüße
        Danke für die prompte Erledigung!
        Wir bedanken uns herzlich für die tolle Unterstützung.
        Wunderbar, ich kann mich wieder anmelden. Danke!
        Alles wieder in Ordnung, danke für die Hilfe
        Fehler ist behoben, danke und schönen Feierabend!
        Dankeschön, das hat geholfen.
        Liebes Support-Team, ganz herzlichen Dank für eure Geduld und die super Hilfe. LG Ann
        Sehr geehrte Frau Schmidt, vielen Dank für Ihre schnelle Antwort. Mit freundlichem Gruß A. Archer
        Moin, danke, funktioniert einwandfrei. VG
        Vielen Dank nochmals und noch einen schönen Tag!
        Danke, das Ticket kann geschlossen werden.
        Mein Problem wurde schnell gelöst. Vielen Dank!
        Danke, jetzt kann ich mich wieder anmelden
    """,
    "fr": """
        Merci !
        Merci beaucoup, ça marche.
        Ça fonctionne à nouveau
        Un grand merci pour votre aide rapide !
        Parfait, merci beaucoup, tout fonctionne.
        Bonjour,\\n\\nMerci pour votre réactivité, le problème est résolu.\\n\\nCordialement,\\nAnne
        C'est bon, merci
        Super, merci à toute l'équipe !
        merci bcp
        Je vous remercie pour votre intervention rapide.
        Nickel, merci !
        Merci, c'est réglé. Bonne journée
        Oui, cela fonctionne maintenant. Merci !
        Tout est rentré dans l'ordre, merci pour votre efficacité.
        Encore merci pour votre aide précieuse
        Bonsoir, l'imprimante fonctionne de nouveau, merci infiniment. Bonne soirée
        Génial, merci, bon week-end !
        Merci pour la résolution du problème
        Impeccable, merci pour votre réponse rapide.
        Merci Sophie, ça marche très bien
        Mille mercis !
        Nous vous remercions sincèrement pour votre soutien.
        Excellent travail, merci beaucoup
        Bonjour Madame, je peux à nouveau me connecter. Merci et bonne journée !
        Top ! Merci d'avoir résolu le problème si vite.
        Problème résolu, merci
        Merci bien, bonne fin de journée
        Plus de problème, merci !
    """,
    "es": """
        ¡Gracias!
        Muchas gracias, ya funciona.
        Ya funciona
        Funciona perfectamente, muchísimas gracias por la ayuda
        Perfecto, gracias
        Hola Marta,\\n\\nmuchas gracias por su rápida respuesta. Todo funciona bien.\\n\\nUn saludo,\\nAna
        Genial, mil gracias por vuestra ayuda
        Problema resuelto, gracias.
        ¡Excelente servicio! Gracias a todo el equipo
        Ya puedo acceder, gracias
        Gracias, todo correcto. Buen fin de semana!
        Sí, ahora funciona. Gracias
        Buenos días, ya está solucionado. Muchas gracias por todo. Saludos cordiales
        Les agradezco mucho su ayuda.
        Estupendo, gracias por la rapidez
        ok gracias
        Gracias por solucionarlo tan rápido!
        La impresora ya funciona, gracias
        Muy amable, muchas gracias
        Muchas gracias de nuevo por su apoyo
        Todo en orden, gracias
        De maravilla, gracias. Que tenga un buen día
        Gracias por la atención y la paciencia
        Quería darles las gracias por su excelente trabajo
        Ha vuelto a funcionar, muchas gracias
        Fantástico, sois los mejores. Gracias!
        Gracias por vuestra gestión
        El error está corregido. Gracias y un saludo
    """,
    "it": """
        Grazie!
        Grazie mille, ora funziona.
        Funziona di nuovo
        Perfetto, grazie
        Vi ringrazio per il rapido intervento.
        Buongiorno,\\n\\ngrazie per l'assistenza, tutto funziona correttamente.\\n\\nCordiali saluti\\nAnna
        Ottimo lavoro, grazie mille!
        Il problema è stato risolto, grazie.
        Tutto ok, grazie
        Grazie ancora per il vostro aiuto
        Grazie infinite per la velocissima risposta
        Sì, adesso va tutto bene. Grazie!
        Grazie Marco, funziona benissimo
        Tutto a posto, grazie e buona giornata
        Grazie tante, buon fine settimana!
        La stampante funziona di nuovo, grazie
        Risolto, grazie
        Siete stati gentilissimi, grazie di cuore
        Ottimo, grazie per la disponibilità
        La ringrazio per la sua gentile collaborazione
        Fantastico! Grazie per aver risolto il problema
        ok, grazie mille
        Ciao, ora riesco ad accedere. Grazie mille e buon lavoro
        Grazie per il supporto e la professionalità
        Molte grazie, ora è tutto risolto
        Mille grazie a tutto il team!
        Gentile Signora Rossi, grazie per la tempestiva risposta. Distinti saluti
        Bravissimi, grazie!
    """,
    "nl": """
        Bedankt!
        Dank je wel, het werkt weer.
        Het werkt weer
        Hartelijk dank voor de snelle hulp!
        Top, bedankt
        Super, heel erg bedankt, alles werkt weer prima.
        Beste Jan,\\n\\nBedankt voor je snelle reactie. Het probleem is opgelost.\\n\\nMet vriendelijke groet,\\nAnneke de Vries
        Dankjewel, is gelukt
        Geweldig, dank voor jullie hulp
        Ja, het doet het weer. Bedankt!
        Prima, dank u wel
        Bedankt voor het oplossen
        Thanks, werkt weer
        Opgelost, dank!
        Goedemorgen, de printer werkt weer. Hartelijk dank en een fijne dag
        Nogmaals bedankt voor alle moeite
        Perfect geholpen, dankjewel!
        Dank voor de goede service, fijn weekend!
        Ik kan weer inloggen, bedankt
        Alles in orde, dank je
        Fantastisch, wat een service! Bedankt
        ok dankje
        Hoi, bedankt voor de uitleg. Groetjes Anneke
        Heel fijn, dank jullie wel
        Onze hartelijke dank voor uw ondersteuning
        Hartelijk bedankt voor de vlotte afhandeling
        Veel dank, het lukt nu
        Mooi, bedankt!
        Nu werkt het weer, bedankt
        Getest en werkt, bedankt
    """,
    "pt": """
        Obrigado!
        Muito obrigada, já funciona.
        Já está a funcionar
        Perfeito, obrigado pela ajuda rápida
        Funcionou, obrigado!
        Bom dia,\\n\\nMuito obrigado pelo excelente atendimento. Está tudo a funcionar.\\n\\nCumprimentos,\\nAna
        Problema resolvido, obrigada.
        Valeu, deu certo!
        Obrigado pelo apoio
        Agradeço a rapidez na resposta
        Ótimo, obrigado
        Tudo certo agora, muito obrigado
        Sim, agora funciona. Obrigada!
        Obrigado mais uma vez pela vossa ajuda
        Olá Pedro, a impressora já funciona. Obrigado e bom fim de semana
        Maravilha, muito obrigado!
        ok obrigado
        Excelente trabalho, obrigado a toda a equipa
        Já consigo aceder, obrigada
        Show, obrigada!
        Voltou a funcionar, muito obrigado pela atenção
        Obrigada pelo esclarecimento. Atenciosamente
        Nao ha mais problemas, obrigado
        Muito grato pela ajuda
        Boa tarde, tudo ok. Agradecemos a colaboração. Abraços
        Obrigado por resolver o problema tão rapidamente
        Fantástico! Obrigado
        Está tudo ótimo, obrigado
        Muito obrigado pela resolução do problema
    """,
    "pl": """
        Dziękuję!
        Dziękuję bardzo, już działa.
        Działa
        Dzięki za szybką pomoc!
        Super, dzięki
        Dzień dobry,\\n\\ndziękuję za szybką reakcję. Wszystko działa poprawnie.\\n\\nPozdrawiam,\\nAnna
        Problem rozwiązany, dziękuję.
        dziekuje, wszystko ok
        Serdecznie dziękuję za pomoc
        Wielkie dzięki, działa idealnie
        Tak, teraz działa. Dziękuję!
        Dziękujemy za wsparcie i cierpliwość
        Bardzo dziękuję za odpowiedź
        Świetnie, dziękuję i miłego dnia
        Drukarka znowu działa, dzięki!
        Jeszcze raz dziękuję za pomoc
        Dziękuję za rozwiązanie problemu
        Wszystko w porządku, dziękuję
        Mogę się już zalogować, dziękuję
        Rewelacja! Dziękuję bardzo
        Pomogło, dzięki
        ok, dziękuję
        Naprawione, dziękuję i pozdrawiam
        Dziękuję Państwu za profesjonalną obsługę
        Witam, działa bez problemu. Dziękuję
        Dzięki wielkie, miłego weekendu!
        Szanowni Państwo, dziękuję za wyjaśnienie. Z poważaniem
        Udało się, dziękuję za pomoc
    """,
    "others": """
        Tack!
        Tack så mycket för hjälpen, nu fungerar det igen!
        Hej, allt funkar nu. Tack och trevlig helg!
        Problemet är löst, tack
        Toppen, tack för snabb hjälp. Mvh Anna
        Tak!
        Mange tak for hjælpen, det virker nu
        Hej, problemet er løst. Tusind tak. Venlig hilsen Anne
        Perfekt, tak for den hurtige hjælp
        Takk!
        Tusen takk for hjelpen, nå virker det igjen
        Supert, takk for rask hjelp. Ha en fin dag!
        Feilen er rettet, takk
        Kiitos!
        Kiitos paljon nopeasta avusta, nyt toimii
        Hienoa, ongelma ratkesi. Kiitos!
        Toimii taas, kiitos avusta
        Děkuji!
        Děkuji moc za rychlou pomoc, už to funguje.
        Super, díky!
        Dobrý den, vše je v pořádku. Děkuji a přeji hezký den
        👍
        👌👌
        🙏🏽
        :-)
    """,
}

MORE_THAN_THANKS = {
    "en": """
        Thanks, but it still fails
        Thank you! Could you also reset Bob's password?
        Thanks, works now. One more thing: the scanner
        It works now but slowly
        Thanks, works not
        thank you for reopening
        Thanks for nothing
        Thank you in advance
        Thanks anyway
        Thanks, it doesnt work
        Thanks, same problem again
        Thanks. Problem again.
        Thank you, is it working now
        It works sometimes, thanks
        It works for now, thanks
        It was working, thanks
        Works on the laptop only, thanks
        Almost perfect, thanks
        Thank you. I will test it tomorrow.
        Thanks for trying
        Thanks, please call me
        Hi
        Great. Just great. The error is back
        No
        Thanks, the printer
        Thank you for your message. I am out of office
        Yes, thanks
        Thanks, works now. Reopen please
        Thanks for a quick reply
        Quick help needed, thanks
        Thanks, mail is gone
        Thanks\\n\\nStill broken
        It works, thanks. Except printing
        Thanks, now the second problem
        Thanks, can you call me at 5
        Thanks, does it work now
        Thanks, what a mess
        Thanks, the mail works but the printer
        Thank you, works now?
        Ann
    """,
    "de": """
        Danke, aber es geht immer noch nicht
        Danke, leider nein
        Danke für nichts
        Danke für gar nichts
        Danke, geht nicht
        Danke im Voraus
        Vielen Dank schon mal
        Danke schon jetzt für eine schnelle Antwort
        Danke, läuft. Noch eine Frage: wie ändere ich mein Passwort
        Vielen Dank! Könnten Sie auch das Passwort von Bob zurücksetzen
        Funktioniert jetzt, jedoch sehr langsam
        Danke, Problem wieder da
        Danke, wieder ein Fehler
        Super, schon wieder kaputt, danke
        Danke trotzdem
        Danke, nur der Drucker geht wieder
        Danke, funktioniert teilweise
        Danke, Fehler wieder
        Danke, der Fehler
        Geht so, danke
        Danke, bitte um Rückruf
        Vielen Dank, ich teste das morgen
        Danke für den Versuch
        Nein danke
        Danke, funktioniert das jetzt?
        Danke für die schnelle Bearbeitung dieses dringenden Falls
        Hallo Herr Müller
        Leider funktioniert es wieder nicht, danke
        Danke, das alte Problem
        Danke, bis jetzt läuft es
        Dank Ihrer Hilfe geht jetzt gar nichts mehr
        Wann geht es wieder, danke
        Danke, Drucker Absturz
        Danke\\nNein
        Würde wieder funktionieren, danke
        Danke, haben Sie das Problem gelöst
        Danke für baldige Antwort
    """,
    "fr": """
        Merci, mais ça ne marche pas
        Merci, mais…
        Merci d'avance
        Merci par avance pour votre aide
        Merci, ça marche pas
        Merci, ça ne fonctionne plus
        Ça marche plus, merci
        Merci pour rien
        Merci, toujours pareil
        Merci, encore un problème
        Merci, le problème est revenu
        Merci ! Pourriez-vous aussi réinitialiser le mot de passe de Bob ?
        Merci de bien vouloir m'appeler
        Merci de me répondre
        Merci quand même
        Ça fonctionne parfois, merci
        Ça fonctionne, sauf l'imprimante
        Merci, ça marche pour l'instant
        Merci, une autre question
        Merci, malheureusement non
        Non merci
        Merci, je teste demain
        Merci, est-ce résolu
        Ça marche mais lentement
        Merci, à nouveau le problème
        Bonjour
        Merci, par contre le scanner
        Problème
        Merci de votre retour rapide
        Merci, presque tout fonctionne
        Merci, avez-vous résolu le problème
        Merci, plus de connexion
        Merci, problème
    """,
    "es": """
        Gracias, pero…
        Gracias, pero sigue sin funcionar
        Gracias, no funciona
        Gracias de antemano
        Gracias por nada
        Gracias, todavía falla
        Gracias, el problema sigue
        Gracias, otra vez el error
        Muchas gracias! ¿Podrían cambiar también la contraseña de Bob?
        Ya funciona aunque muy lento
        Funciona a veces, gracias
        Gracias, solo funciona el correo
        Gracias, una pregunta más
        Gracias, de momento funciona
        No, gracias
        Gracias de todas formas
        Gracias, quedo a la espera
        Gracias por su pronta respuesta y por favor llamar
        Gracias, mañana lo pruebo
        Gracias, ahora un problema nuevo
        Gracias, casi todo funciona
        Hola
        Gracias, además necesito acceso
        Ya funcionó ayer, gracias
        Gracias, error
        Gracias, la impresora
        Sin embargo gracias
    """,
    "it": """
        Grazie, ma non funziona
        Grazie, però è lento
        Grazie in anticipo
        Grazie lo stesso
        Grazie comunque
        Grazie di niente
        Grazie, ancora errore
        Grazie, il problema persiste
        Grazie, non va
        Grazie! Potreste anche reimpostare la password di Bob?
        Funziona ma lentamente
        Funziona solo a volte, grazie
        Grazie, purtroppo no
        No grazie
        Grazie, per ora funziona
        Grazie, un'altra domanda
        Grazie, di nuovo il problema
        Grazie, resto in attesa
        Grazie, provo domani
        Tutto funziona tranne la stampante, grazie
        Grazie, quasi risolto
        Buongiorno
        Grazie, la stampante
        Grazie, quando sarà risolto
        Grazie, serve anche l'accesso
        Grazie, si è bloccato
        Grazie, errore
    """,
    "nl": """
        Bedankt, maar het werkt nog steeds niet
        Alvast bedankt
        Bij voorbaat dank
        Toch bedankt
        Bedankt voor niets
        Bedankt, helaas niet
        Nee, bedankt
        Bedankt, werkt niet
        Bedankt, weer hetzelfde probleem
        Bedankt! Kunt u ook het wachtwoord van Bob resetten?
        Het werkt, maar traag
        Het werkt soms, dank
        Bedankt, alleen de printer werkt
        Bedankt, nog een vraag
        Bedankt, voorlopig werkt het
        Bedankt, ik test het morgen
        Bedankt, weer een storing
        Bedankt, de fout
        Dank, is het opgelost
        Bedankt, wanneer werkt het weer
        Bijna alles werkt, bedankt
        Top
        Hallo
        Bedankt, graag terugbellen
        Bedankt, behalve de printer
        Bedankt, scherm kapot
        Bedankt, geen toegang
        Graag een snelle reactie, bedankt
    """,
    "pt": """
        Obrigado, mas não funciona
        Obrigado, mas…
        Desde já obrigado
        Obrigado por nada
        Obrigada, ainda não
        Obrigado, continua igual
        Obrigado, o problema voltou
        Obrigado, novamente o erro
        Muito obrigado! Poderia também redefinir a senha do Bob?
        Funciona, porém lento
        Funciona às vezes, obrigado
        Obrigado, só o e-mail funciona
        Obrigado, por enquanto funciona
        Não, obrigado
        Obrigado de qualquer forma
        Obrigado, fico no aguardo
        Obrigado, amanhã eu testo
        Obrigado, mais uma pergunta
        Obrigado, quase tudo funciona
        Bom dia
        Obrigado, a impressora
        Obrigado, erro
        Obrigado, preciso de acesso
        Funcionou ontem, obrigado
        Agradeço uma resposta rápida
        Obrigado, quando fica resolvido
        Infelizmente não resolveu, obrigado
    """,
    "pl": """
        Dziękuję, ale nadal nie działa
        Dzięki, ale...
        Z góry dziękuję
        Dziękuję z góry za pomoc
        Dzięki za nic
        Niestety nie, dziękuję
        Nie, dziękuję
        Dziękuję, nie działa
        Dziękuję, znowu problem
        Dziękuję! Czy mogą Państwo zresetować też hasło Boba?
        Działa, ale wolno
        Działa czasami, dzięki
        Dziękuję, tylko poczta działa
        Dziękuję, jeszcze jedno pytanie
        Dziękuję, na razie działa
        Dziękuję, sprawdzę jutro
        Dziękuję, czekam na odpowiedź
        Dziękuję, czy działa
        Dziękuję, problem wrócił
        Prawie wszystko działa, dzięki
        Dziękuję, a drukarka
        Dzień dobry
        Dziękuję, proszę o kontakt
        Dziękuję, błąd
        Działało wczoraj, dzięki
        Mimo wszystko dziękuję
        Dziękuję, kiedy będzie działać
    """,
    "others": """
        Tack, men det fungerar inte
        Tack på förhand
        Nej tack
        Tack ändå
        Tack, problemet igen
        Tak, men det virker ikke
        På forhånd tak
        Nej tak, det virker stadig ikke
        Virkede før, tak
        Takk, men det virker ikke
        På forhånd takk
        Takk for ingenting
        Kiitos, mutta ei toimi
        Kiitos etukäteen
        Kiitos, ongelma taas
        Děkuji, ale nefunguje to
        Předem děkuji
        Díky za nic
        👎
        :-(
        👍 but slow
        ?
        Thanks, maar het werkt niet
        Merci, leider nicht
        Danke, but no
        Merci, non
        Спасибо
        Thanks 不
        ...
    """,
}


def rows(table: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (language, line.strip().replace("\\n", "\n"))
        for language, lines in table.items()
        for line in lines.strip().splitlines()
    ]


@pytest.mark.parametrize(("language", "text"), rows(ONLY_THANKS))
def test_only_thanks(language: str, text: str) -> None:
    assert is_only_thanks(text, RULES, ("Ann Archer", "Anneke de Vries")), language


@pytest.mark.parametrize(("language", "text"), rows(MORE_THAN_THANKS))
def test_more_than_thanks(language: str, text: str) -> None:
    assert not is_only_thanks(text, RULES), language


NAMED = [
    ("Thanks, works again\nann", ("Ann Example",)),
    ("Danke Tom!", ("Tom",)),
    ("Funktioniert, danke. Ann Archer, Acme", ("Ann Archer", "Acme")),
]


@pytest.mark.parametrize(("text", "names"), NAMED)
def test_a_name_may_end_a_clause_only_if_it_is_known(text: str, names: tuple[str, ...]) -> None:
    assert is_only_thanks(text, RULES, names)
    assert not is_only_thanks(text, RULES)


@pytest.mark.parametrize(
    "text",
    [
        "It works.\n\nBest regards\nAnn Example\nAcme GmbH",
        "It works.\n\nBest regards,\nAnn E. Example",
        "It works.\n\nThanks,\nAnn",
        "Het werkt weer. Groeten, Jan van den Berg",
    ],
)
def test_a_name_of_several_words_below_a_closing_needs_one_that_is_known(text: str) -> None:
    assert is_only_thanks(text, RULES, ("Ann Example", "Jan de Berg"))
    assert is_only_thanks(text, RULES) is (text.endswith("\nAnn"))


@pytest.mark.parametrize("text", ["Perfect", "Perfekt!", "Hi Tom,\nPerfetto.\nRegards\nAnn", "Super :-)", "Skvělé!"])
def test_delight_alone_is_thanks(text: str) -> None:
    assert is_only_thanks(text, RULES)


@pytest.mark.parametrize("text", ["Good", "Ok", "Fine.", "Yes, perfect", "Perfect, but", "Perfect printer", "Perfect?"])
def test_what_is_less_than_delight_is_not(text: str) -> None:
    assert not is_only_thanks(text, RULES)


def test_a_person_with_a_title_may_be_thanked_by_name() -> None:
    assert is_only_thanks("Klappt wieder, danke, Frau Müller!", RULES)
    assert is_only_thanks("Works again, thank you, Mr Miller", RULES)
    assert not is_only_thanks("Klappt wieder, danke, Drucker Müller", RULES)
    assert not is_only_thanks("Danke, Frau Problem", RULES)


@pytest.mark.parametrize(
    "text",
    [
        "It works.\n\nBest regards\nAnn Example\nAcme\nBerlin",
        "It works.\n\nBest regards\nNot Solved",
        "It works.\n\nBest regards,\nCancel Contract",
        "It works.\n\nBest regards\nPrinter Problem",
        "It works.\n\nBest regards\nplease call",
        "It works.\n\nBest regards\nAnn\nThe printer burns",
        "It works.\n\nAnn",
        "Thanks.\nReopen",
        "Thanks, Reopen",
    ],
)
def test_what_is_no_name_below_a_closing_counts(text: str) -> None:
    assert not is_only_thanks(text, RULES)


def test_a_sender_called_like_a_refused_word_changes_nothing() -> None:
    assert not is_only_thanks("Thanks, still", RULES, ("Still But Not",))


def test_a_line_wrapped_by_the_mail_program_goes_on() -> None:
    assert is_only_thanks("Thank you very much for your quick and very friendly\nhelp.", RULES)
    assert not is_only_thanks("Thank you\nhelp.", RULES)


def test_long_text_is_never_only_thanks() -> None:
    assert is_only_thanks("thanks " * MAX_WORDS, RULES)
    assert not is_only_thanks("thanks " * (MAX_WORDS + 1), RULES)
    assert is_only_thanks("thanks" + "!" * (MAX_CHARACTERS - 6), RULES)
    assert not is_only_thanks("thanks" + "!" * (MAX_CHARACTERS - 5), RULES)


def test_letters_may_be_stretched_and_marks_left_out() -> None:
    assert is_only_thanks("DANKEEEE!!! LAEUFT WIEDER, SCHOENEN ABEND NOCH", RULES)
    assert is_only_thanks("Grüße und vielen Dank".encode().decode(), RULES)
    assert is_only_thanks("Es la\u0308uft wieder", RULES)  # the umlaut as two characters


def test_a_refused_word_stays_refused_when_it_is_also_listed_as_a_filler() -> None:
    english = next(language for language in RULES.languages if language.name == "en")
    careless = replace(RULES, languages=(replace(english, fillers=(*english.fillers, "but", "today")),))

    assert is_only_thanks("Thanks, it works today", careless)
    assert not is_only_thanks("Thanks, but it works today", careless)


def test_without_rules_nothing_is_only_thanks() -> None:
    assert not is_only_thanks("Thanks!", ThanksRules())


def test_a_list_may_not_hold_what_is_never_said() -> None:
    page = Page("thanks.toml", THANKS.replace('"but",', '"but", "thx",', 1))

    read_thanks(page)

    assert [problem.split(": ", 1)[1] for problem in page.problems] == [
        '[[language]] thanks: "thx" stands in never, too'
    ]


def test_a_language_is_described_once() -> None:
    page = Page("thanks.toml", THANKS.replace('name = "de"', 'name = "en"', 1))

    read_thanks(page)

    assert [problem.split(": ", 1)[1] for problem in page.problems] == ['[[language]] name: "en" is named twice']


def test_an_unknown_or_missing_list_is_a_problem_of_its_line() -> None:
    page = Page("thanks.toml", THANKS.replace("\nfillers =", "\nfilers =", 1))

    read_thanks(page)

    assert [
        "[[language]] filers: unknown key; did you mean fillers?",
        "[[language]] fillers: missing",
    ] == sorted(problem.split(": ", 1)[1] for problem in page.problems)


@settings(deadline=None)
@given(st.sampled_from(rows(ONLY_THANKS)), st.data())
def test_one_unknown_word_or_mark_more_and_it_is_more_than_thanks(row: tuple[str, str], data: st.DataObject) -> None:
    words = row[1].split(" ")
    place = data.draw(st.integers(0, len(words)))
    strange = data.draw(
        st.text("abdeknorst", min_size=1, max_size=8).map("qz".__add__) | st.sampled_from("?¿7@(<#€👎字")
    )

    assert not is_only_thanks(" ".join([*words[:place], strange, *words[place:]]), RULES)


@settings(deadline=None)
@given(st.text(max_size=MAX_CHARACTERS), st.lists(st.text(max_size=20), max_size=3).map(tuple))
def test_any_text_has_an_answer(text: str, names: tuple[str, ...]) -> None:
    assert is_only_thanks(text, RULES, names) in {True, False}
