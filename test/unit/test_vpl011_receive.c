/* SPDX-License-Identifier: Apache-2.0 */
/* The emulated PL011's input: the FIFO, its interrupts, and that no byte is lost or made up. */
#include "vpl011_fixture.h"

static void test_receive_characters(void **state)
{
    (void)state;
    assert_true(vpl011_receive(&uart, 0xff));
    assert_int_equal(rd(FR), FR_IDLE | FR_RXFF);
    assert_false(vpl011_receive(&uart, 'b'));
    assert_int_equal(rd(RIS), INT_RX | INT_RT);
    assert_int_equal(rooms, 0);
    assert_int_equal(rd(DR), 0xff);
    assert_int_equal(rooms, 1);
    assert_int_equal(rd(FR), FR_IDLE | FR_RXFE);
    assert_int_equal(rd(RIS), 0);
    assert_int_equal(rd(DR), 0xff); /* empty: the last one again, nothing else */
    assert_int_equal(rd(FR), FR_IDLE | FR_RXFE);
    assert_int_equal(rooms, 1);
}

static void test_receive_fifo(void **state)
{
    (void)state;
    wr(LCR_H, LCR_H_FEN);
    for (unsigned round = 0; round < 5; round++) { /* the FIFO's start moves on each time */
        receive(16);
        assert_int_equal(rd(FR), FR_IDLE | FR_RXFF);
        for (unsigned i = 0; i < 16; i++) {
            assert_int_equal(rd(DR), 'a' + i);
            assert_int_equal(rd(FR), FR_IDLE | (i == 15 ? FR_RXFE : 0));
        }
        receive(3);
        for (unsigned i = 0; i < 3; i++)
            assert_int_equal(rd(DR), 'a' + i);
    }
    assert_int_equal(rooms, 0);
}

/* Nothing is lost: what is refused is asked for once half of the FIFO is free. */
static void test_back_pressure(void **state)
{
    const char *text = "the quick brown fox jumps over the lazy dog, twice or more";
    const char *offered = text;

    (void)state;
    wr(LCR_H, LCR_H_FEN);
    while (vpl011_receive(&uart, (uint8_t)*offered))
        offered++;
    assert_int_equal(offered - text, 16);
    assert_false(vpl011_receive(&uart, (uint8_t)*offered));
    refill = offered;
    for (unsigned i = 0; i < 7; i++)
        assert_int_equal(rd(DR), text[i]);
    assert_int_equal(rooms, 0);
    for (size_t i = 7; i < strlen(text); i++) {
        assert_int_equal(rd(FR) & FR_RXFE, 0);
        assert_int_equal(rd(DR), text[i]);
    }
    assert_int_equal(rd(FR) & FR_RXFE, FR_RXFE);
    assert_int_equal(rooms, 6); /* 42 bytes were refused at first, 8 go at a time */
}

/* Enabling the FIFOs makes room too; disabling them loses nothing. */
static void test_fifo_enable(void **state)
{
    (void)state;
    receive(1);
    assert_false(vpl011_receive(&uart, 'b'));
    refill = "bcd";
    wr(LCR_H, LCR_H_FEN);
    assert_int_equal(rooms, 1);
    wr(LCR_H, 0);
    assert_int_equal(rd(FR), FR_IDLE | FR_RXFF);
    assert_false(vpl011_receive(&uart, 'x'));
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(rd(DR), 'a' + i);
    assert_int_equal(rooms, 2);
    assert_int_equal(rd(FR), FR_IDLE | FR_RXFE);
}

static void test_receive_triggers(void **state)
{
    static const unsigned trigger[] = {2, 4, 8, 12, 14, 14, 14, 14};

    (void)state;
    for (uint32_t select = 0; select < 8; select++) {
        setup(NULL);
        wr(LCR_H, LCR_H_FEN);
        wr(IFLS, select << 3);
        wr(IMSC, INT_RX);
        for (unsigned n = 1; n <= 16; n++) {
            receive(1);
            assert_int_equal(line, n >= trigger[select]);
            assert_int_equal(rd(RIS), INT_RT | (n >= trigger[select] ? INT_RX : 0));
            assert_int_equal(rd(MIS), n >= trigger[select] ? INT_RX : 0);
        }
        for (unsigned n = 15; n != UINT32_MAX; n--) {
            (void)rd(DR);
            assert_int_equal(line, n >= trigger[select]);
        }
    }
}

/* One byte in a FIFO of sixteen interrupts at once, and until it has been read. */
static void test_receive_timeout(void **state)
{
    (void)state;
    wr(LCR_H, LCR_H_FEN);
    wr(IMSC, INT_RT | INT_RX);
    receive(2);
    assert_true(line);
    assert_int_equal(rd(MIS), INT_RT);
    wr(ICR, INT_RT | INT_RX); /* acknowledged, but not read: it must not be forgotten */
    assert_true(line);
    (void)rd(DR);
    assert_true(line);
    (void)rd(DR);
    assert_false(line);
    assert_int_equal(line_calls, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_receive_characters, setup),
        cmocka_unit_test_setup(test_receive_fifo, setup),
        cmocka_unit_test_setup(test_back_pressure, setup),
        cmocka_unit_test_setup(test_fifo_enable, setup),
        cmocka_unit_test_setup(test_receive_triggers, setup),
        cmocka_unit_test_setup(test_receive_timeout, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
